package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/console"
)

// sinkMetrics tells how each sink does. Its labels are names of the
// configuration and words of ours.
type sinkMetrics struct{ d *daemon }

var (
	sinkEvents = prometheus.NewDesc("tenantgate_sink_events_total",
		"Events by what became of them at a sink.", []string{"sink", "kind", "result"}, nil)
	sinkFailures = prometheus.NewDesc("tenantgate_sink_failures_total",
		"Attempts that failed, by class.", []string{"sink", "kind", "class"}, nil)
	sinkQueued = prometheus.NewDesc("tenantgate_sink_queued_bytes",
		"What waits in the spool for a sink.", []string{"sink", "kind"}, nil)
	sinkOldest = prometheus.NewDesc("tenantgate_sink_oldest_seconds",
		"Age of the first event that waits, 0 if none does.", []string{"sink", "kind"}, nil)
	sinkSuccess = prometheus.NewDesc("tenantgate_sink_last_success_seconds",
		"When a sink last took events, Unix time, 0 if it has not.", []string{"sink", "kind"}, nil)
	sinkHealthy = prometheus.NewDesc("tenantgate_sink_healthy",
		"1 unless the last attempt failed.", []string{"sink", "kind"}, nil)
)

// Describe implements prometheus.Collector.
func (sinkMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sinkEvents, sinkFailures, sinkQueued, sinkOldest, sinkSuccess, sinkHealthy} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m sinkMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.d.events.Stats().Sinks {
		send := func(d *prometheus.Desc, t prometheus.ValueType, v float64, more ...string) {
			ch <- prometheus.MustNewConstMetric(d, t, v, append([]string{s.Name, s.Kind}, more...)...)
		}
		send(sinkEvents, prometheus.CounterValue, float64(s.Sent), "sent")
		send(sinkEvents, prometheus.CounterValue, float64(s.Dead), "dead")
		send(sinkEvents, prometheus.CounterValue, float64(s.Dropped), "dropped")
		send(sinkEvents, prometheus.CounterValue, float64(s.Damaged), "damaged")
		for class, n := range s.Failures {
			send(sinkFailures, prometheus.CounterValue, float64(n), audit.Class(class).String())
		}
		send(sinkQueued, prometheus.GaugeValue, float64(s.QueuedBytes))
		send(sinkOldest, prometheus.GaugeValue, s.OldestAge.Seconds())
		last := 0.0
		if !s.LastSuccess.IsZero() {
			last = float64(s.LastSuccess.UnixMilli()) / 1000
		}
		send(sinkSuccess, prometheus.GaugeValue, last)
		healthy := 0.0
		if s.Healthy {
			healthy = 1
		}
		send(sinkHealthy, prometheus.GaugeValue, healthy)
	}
}

// sinks tells how each sink is, for /readyz. A sink that fails does not make
// the proxy unready: it holds up nobody.
func (d *daemon) sinks() (all []console.Component) {
	for _, s := range d.events.Stats().Sinks {
		detail := ""
		if !s.Healthy {
			detail = s.LastError
		}
		all = append(all, console.Component{Name: "sink." + s.Name + "." + s.Kind, OK: true, Detail: detail})
	}
	return all
}
