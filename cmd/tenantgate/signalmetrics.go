package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/signals"
)

// signalMetrics counts the signals that were told.
type signalMetrics struct{ watch *signals.Watch }

var (
	signalsTold = prometheus.NewDesc("tenantgate_signals_total",
		"Signals of a way round the proxy, by what they tell.", []string{"signal"}, nil)
	signalsClients = prometheus.NewDesc("tenantgate_signals_clients",
		"Client addresses that signals are worked out for.", nil, nil)
	signalsForgotten = prometheus.NewDesc("tenantgate_signals_forgotten_total",
		"Client addresses that made room before their window was over.", nil, nil)
)

// Describe implements prometheus.Collector.
func (signalMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- signalsTold
	ch <- signalsClients
	ch <- signalsForgotten
}

// Collect implements prometheus.Collector.
func (m signalMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.watch.Stats()
	for _, reason := range signals.All {
		ch <- prometheus.MustNewConstMetric(signalsTold, prometheus.CounterValue, float64(s.Told[reason]), string(reason))
	}
	ch <- prometheus.MustNewConstMetric(signalsClients, prometheus.GaugeValue, float64(s.Clients))
	ch <- prometheus.MustNewConstMetric(signalsForgotten, prometheus.CounterValue, float64(s.Forgotten))
}
