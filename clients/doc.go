// Package clients holds what real clients say of the proxy.
//
// Its tests run unmodified clients with their default authorities through a
// real proxy in front of the demo cloud. A client that is not installed is
// skipped, with REQUIRE_TOOLS=1 its absence is a failure. Nothing leaves the
// machine: every name resolves inside the proxy, to loopback.
package clients
