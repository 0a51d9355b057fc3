// Package faults breaks one thing at a time under load, and looks at what
// clients, origins, the event log and the receiver of events saw.
//
// The program is the real one, built for the tests and run as a process of its
// own in a network and a mount namespace that hold nothing else: its origins
// and their resolver are on loopback at port 443 and 53. Whatever breaks, it
// must not crash, nothing foreign may reach an origin, no sign-in may arrive
// there without its tag, each refusal must have its event, and service must be
// back when the fault is over.
//
// "go test" runs a few of the faults with little load. All of them, with what
// docs/scorecard.md promises: TENANTGATE_FAULT_RATE=500 TENANTGATE_FAULT_TUNNELS=200.
// TENANTGATE_FAULT_RACE=1 builds the program with the race detector.
package faults
