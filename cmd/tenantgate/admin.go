package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantgate/tenantgate/console"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// newAdmin builds the admin listener's server.
func (d *daemon) newAdmin() *http.Server {
	c := &console.Console{
		Ready: d.components, Status: d.status, Recent: d.recent,
		Names: names(d.now.Load().file.Listen.Admin), Tenant: d.tenantName,
		Words:   func(reason string) string { return proxy.Words(policy.Reason(reason)) },
		Metrics: promhttp.HandlerFor(d.metrics, promhttp.HandlerOpts{}),
		PAC:     d.pacFile(), Examined: d.examined,
	}
	return &http.Server{
		Handler:           c.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// components tells how each part is, for /readyz.
func (d *daemon) components() []console.Component {
	all := []console.Component{}
	add := func(name string, ok bool, detail string) {
		all = append(all, console.Component{Name: name, OK: ok, Detail: detail})
	}
	for _, name := range []string{"proxy", "steered", "dns", "admin"} {
		if addr := d.addr(name); addr != "" {
			add("listen."+name, true, addr)
		}
	}
	ca := d.ca.Certificate()
	add("ca", time.Now().Before(ca.NotAfter), "until "+ca.NotAfter.UTC().Format(time.DateOnly))
	failing := d.recording()
	add("events", failing == "", failing)
	all = append(all, d.sinks()...)
	b := d.now.Load()
	detail := b.rules.Hash
	if d.reload.failed.Load() {
		detail += ", the last reload was refused"
	}
	add("config", true, detail)
	if len(b.unresolved) > 0 {
		add("partners", true, "some domains have no known tenant yet")
	}
	return all
}

// count registers what is counted outside package proxy.
func (d *daemon) count() {
	counter := func(name, help string, labels prometheus.Labels, value func() float64) {
		d.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		d.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	for _, e := range []struct {
		kind, result string
		value        func() uint64
	}{
		{"tenant", "written", func() uint64 { return d.events.Stats().Tenant }},
		{"tenant", "failed", func() uint64 { return d.events.Stats().Failed }},
		{"tenant", "passed", func() uint64 { return d.events.Stats().Passed }},
		{"access", "written", func() uint64 { return d.events.Stats().Access }},
		{"access", "dropped", func() uint64 { return d.events.Stats().Shed }},
	} {
		counter("tenantgate_events_total", "Events by kind and what became of them.",
			prometheus.Labels{"kind": e.kind, "result": e.result}, func() float64 { return float64(e.value()) })
	}
	counter("tenantgate_leaf_mints_total", "Leaf certificates minted.", nil, func() float64 { n, _ := d.ca.Stats(); return float64(n) })
	counter("tenantgate_leaf_cache_hits_total", "Leaf certificates taken from the cache.", nil, func() float64 { _, n := d.ca.Stats(); return float64(n) })
	counter("tenantgate_token_cache_hits_total", "Credentials that were known already.", nil, func() float64 {
		n, _ := d.now.Load().rules.Tokens.Stats()
		return float64(n + d.reload.hits.Load())
	})
	counter("tenantgate_token_cache_misses_total", "Credentials that had to be read.", nil, func() float64 {
		_, n := d.now.Load().rules.Tokens.Stats()
		return float64(n + d.reload.misses.Load())
	})
	counter("tenantgate_pac_requests_total", "PAC files that were asked for.", nil, func() float64 { return float64(d.pacs.Load()) })
	gauge("tenantgate_pac_fail_open", "1 if the PAC file sends restricted hosts past proxies that do not answer.", nil, func() float64 {
		if d.now.Load().file.PAC.FailOpen {
			return 1
		}
		return 0
	})
	b := thisBuild()
	gauge("tenantgate_build_info", "This build.", prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": b.Go, "fips": b.FIPS}, func() float64 { return 1 })
	gauge("tenantgate_roots_changed_seconds", "When the roots that origins are believed by were changed last, Unix time.", nil, func() float64 {
		return float64(rootsChanged(d.now.Load().file.Upstream.Roots).Unix())
	})
	gauge("tenantgate_config_last_reload_success", "1 unless the last reload was refused.", nil, func() float64 {
		if d.reload.failed.Load() {
			return 0
		}
		return 1
	})
	gauge("tenantgate_config_last_reload_seconds", "When the configuration in force was loaded, Unix time.", nil, func() float64 { return float64(d.reload.when.Load()) })
	d.metrics.MustRegister(configInfo{d}, sinkMetrics{d}, signalMetrics{d.signals}, proofMetrics{d}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// configInfo tells the hash of the configuration in force, which changes.
type configInfo struct{ d *daemon }

var configDesc = prometheus.NewDesc("tenantgate_config_info", "The configuration in force.", []string{"hash"}, nil)

// Describe implements prometheus.Collector.
func (configInfo) Describe(ch chan<- *prometheus.Desc) { ch <- configDesc }

// Collect implements prometheus.Collector.
func (c configInfo) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(configDesc, prometheus.GaugeValue, 1, c.d.now.Load().rules.Hash)
}
