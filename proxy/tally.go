package proxy

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/policy"
)

// tally counts the requests of one plane. To find a counter by its labels
// costs more than all the rest of counting, so it keeps those that were needed:
// a few of a closed list. A nil tally counts nothing.
type tally struct {
	plane    policy.Plane
	requests *prometheus.CounterVec
	latency  prometheus.Observer
	needed   atomic.Pointer[[]outcome]
}

type outcome struct {
	action  policy.Action
	reason  policy.Reason
	counter prometheus.Counter
}

// of returns what counts the requests of a plane.
func (m *Metrics) of(plane policy.Plane) *tally {
	if m == nil {
		return nil
	}
	c, ok := m.planes.Load(plane)
	if !ok {
		c, _ = m.planes.LoadOrStore(plane, &tally{plane: plane, requests: m.requests, latency: m.latency.WithLabelValues(string(plane))})
	}
	return c.(*tally)
}

func (t *tally) request(v policy.Verdict) {
	if t == nil {
		return
	}
	var known []outcome
	if list := t.needed.Load(); list != nil {
		known = *list
	}
	for i := range known {
		if o := &known[i]; o.action == v.Action && o.reason == v.Reason {
			o.counter.Inc()
			return
		}
	}
	o := outcome{v.Action, v.Reason, t.requests.WithLabelValues(string(t.plane), v.Action.String(), string(v.Reason))}
	more := append(known[:len(known):len(known)], o) // whoever reads known goes on with it
	t.needed.Store(&more)
	o.counter.Inc()
}

func (t *tally) upstream(d time.Duration) {
	if t != nil {
		t.latency.Observe(d.Seconds())
	}
}
