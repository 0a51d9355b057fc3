package proxy

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/policy"
)

// Metrics counts what the proxy does. Labels come from closed lists only. A
// nil Metrics counts nothing.
type Metrics struct {
	connections *prometheus.CounterVec
	requests    *prometheus.CounterVec
	handshakes  *prometheus.CounterVec
	sheds       *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	tunnels     prometheus.Gauge
	blocks      *prometheus.CounterVec
	revocations *prometheus.CounterVec

	planes sync.Map // policy.Plane to *tally
}

// NewMetrics registers the proxy's metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_connections_total", Help: "Connections by what became of them and why.",
		}, []string{"action", "reason"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_requests_total", Help: "Requests by plane, verdict and reason.",
		}, []string{"plane", "verdict", "reason"}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_handshakes_total", Help: "TLS handshakes with clients by result.",
		}, []string{"side", "result"}),
		sheds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_shed_total", Help: "Connections, handshakes, requests, bodies and answers that there was no budget for.",
		}, []string{"budget"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tenantgate_upstream_seconds", Help: "Time from a request to the end of its answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
		}, []string{"plane"}),
		tunnels: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tenantgate_connections_open", Help: "Tunnels that are open.",
		}),
		blocks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_entra_blocks_total", Help: "Sign-ins that Entra refused because of a tenant restriction, by its code.",
		}, []string{"code"}),
		revocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantgate_revocation_total", Help: "What was known of the revocation of origins' certificates, by who told it.",
		}, []string{"source", "result"}),
	}
	for _, budget := range []string{ofConnections, ofDescriptors, ofMemory, ofHandshakes, ofMints, ofBodies, ofLookups, ofRequests, ofUnread} {
		m.sheds.WithLabelValues(budget) // an alert on an increase needs the zero before it
	}
	r.MustRegister(m.connections, m.requests, m.handshakes, m.sheds, m.latency, m.tunnels, m.blocks, m.revocations)
	return m
}

func (m *Metrics) connection(v policy.Verdict) {
	if m != nil {
		m.connections.WithLabelValues(v.Action.String(), string(v.Reason)).Inc()
	}
}

func (m *Metrics) request(plane policy.Plane, v policy.Verdict) { m.of(plane).request(v) }

func (m *Metrics) handshake(ok bool) {
	if m == nil {
		return
	}
	result := "ok"
	if !ok {
		result = "failed"
	}
	m.handshakes.WithLabelValues("client", result).Inc()
}

// shed counts what a budget had nothing left for; there are nine.
func (m *Metrics) shed(budget string) {
	if m != nil {
		m.sheds.WithLabelValues(budget).Inc()
	}
}

func (m *Metrics) tunnel(n float64) {
	if m != nil {
		m.tunnels.Add(n)
	}
}

// blockedByEntra counts a refusal of Entra's own; there are four codes.
func (m *Metrics) blockedByEntra(code string) {
	if m != nil {
		m.blocks.WithLabelValues(code).Inc()
	}
}

// revocation counts what source, staple or crl, told of an origin's certificate.
func (m *Metrics) revocation(source string, state revocation) {
	if m != nil {
		m.revocations.WithLabelValues(source, string(state)).Inc()
	}
}
