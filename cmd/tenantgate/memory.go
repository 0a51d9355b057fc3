package main

import (
	"os"
	"runtime/debug"
)

// gcPercent trades memory for CPU: live memory of the proxy is some tens of
// megabytes, so that collecting when it has grown fivefold instead of twofold
// saves about a tenth of the CPU of a request (docs/performance.md).
const gcPercent = 400

// tuneMemory sets the collector's pace unless the environment does. GOMEMLIMIT
// bounds it as everywhere.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
