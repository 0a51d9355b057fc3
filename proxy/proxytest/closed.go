package proxytest

import (
	"net"
	"testing"
)

// Closed is an address that refuses connections for as long as the test runs.
// The port is that of the client's end of an open connection: one that had
// been listened on a moment ago would go to the next who asks for any port,
// in this process or in that of another package's tests.
func Closed(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	held, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	t.Cleanup(func() { held.Close() })
	return held.LocalAddr().String()
}
