//go:build !race

package audit

import "testing"

// Under the race detector a sync.Pool loses some of what it is given.
func TestAnEventCostsItsIDAndNoOtherAllocation(t *testing.T) {
	for name, sinks := range map[string][]SinkConfig{"file": nil, "file and spool": {siem}} {
		t.Run(name, func(t *testing.T) {
			l, e := openDeaf(t, sinks...), blocked()
			if n := testing.AllocsPerRun(1000, func() { recordNew(t, l, e) }); n > 1 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
