package resolver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// result is what became of a question.
type result int

const (
	resultSteered   result = iota // a restricted name: the proxy's address, or nothing
	resultWithheld                // a name that would lead to another resolver or to a proxy by its name; ANY
	resultCached                  // from memory
	resultForwarded               // from an upstream
	resultStale                   // from memory, because no upstream answered in time
	resultFailed                  // no upstream answered
	resultRefused                 // not a client, or nothing for a resolver
	resultLimited                 // a client that asks too often
	resultMalformed
	results
)

var resultNames = [results]string{"steered", "withheld", "cached", "forwarded", "stale", "failed", "refused", "limited", "malformed"}

// Metrics counts what the resolver does. A nil Metrics counts nothing.
type Metrics struct {
	queries  [results]prometheus.Counter
	seconds  *prometheus.HistogramVec
	failures *prometheus.CounterVec
}

// NewMetrics registers the resolver's metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tenantgate_dns_queries_total", Help: "Questions to the steering resolver by what became of them.",
	}, []string{"result"})
	m := &Metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tenantgate_dns_upstream_seconds", Help: "How long upstreams took to answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5},
		}, []string{"upstream"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_dns_upstream_failures_total", Help: "Questions that upstreams did not answer, or not in a way that can be believed.",
		}, []string{"upstream"}),
	}
	r.MustRegister(all, m.seconds, m.failures)
	for i, name := range resultNames {
		m.queries[i] = all.WithLabelValues(name)
	}
	return m
}

func (m *Metrics) count(r result) {
	if m != nil {
		m.queries[r].Inc()
	}
}

// asked counts a question to an upstream.
func (m *Metrics) asked(u upstream, took time.Duration, err error) {
	switch {
	case m == nil:
	case err != nil:
		m.failures.WithLabelValues(u.String()).Inc()
	default:
		m.seconds.WithLabelValues(u.String()).Observe(took.Seconds())
	}
}
