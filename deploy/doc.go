// Package deploy holds what an administrator copies to what its readers make of
// it: its tests have every file read, loaded and run by the programs it is
// written for. A program that is not installed is left out, with
// REQUIRE_TOOLS=1 its absence is a failure.
package deploy
