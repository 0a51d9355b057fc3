package proxy_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain waits for no connection whose client was still sending when it was
// answered: net/http keeps it for half a second.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
