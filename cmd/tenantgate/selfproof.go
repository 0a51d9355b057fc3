package main

import (
	"context"
	"encoding/pem"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/doctor"
	"github.com/tenantgate/tenantgate/policy"
)

// proven is what the proxy last knew of itself.
type proven struct {
	when atomic.Int64 // Unix seconds; 0: not yet, or not any more
	bad  atomic.Bool
	last atomic.Pointer[[]doctor.Finding]
}

// lookAgain is how often a proxy that is not to prove itself looks whether it
// is by now.
const lookAgain = 10 * time.Second

// prove proves again and again that sign-ins are restricted, as the
// configuration in force says, until stop is called.
func (d *daemon) prove(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		next := time.NewTimer(0)
		defer next.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
			every := d.now.Load().file.Doctor.Every
			if every == 0 || d.addr("proxy") == "" {
				d.proven.when.Store(0)
				every = lookAgain
			} else {
				d.proveNow(ctx)
			}
			next.Reset(every)
		}
	}()
	return func() { cancel(); <-done }
}

// proveNow does it once. What it finds is told when it is not as before.
func (d *daemon) proveNow(ctx context.Context) {
	f := d.now.Load().file
	s := &doctor.Subject{
		Proxy: local(d.addr("proxy")), Root: d.ca.Certificate(), Roots: d.moreRoots(f.Upstream.Roots),
		Canary: f.Doctor.Canary, Agent: "tenantgate-doctor/" + release, Now: time.Now,
	}
	var failed []string
	found := doctor.Prove(ctx, s)
	for _, found := range found {
		if found.Status == doctor.Fail {
			failed = append(failed, found.Check)
			d.log.Error("sign-ins are not restricted as they should be", "check", found.Check, "what", found.What, "hint", found.Hint)
		}
	}
	if ctx.Err() != nil {
		return // it was the proof that broke
	}
	if was := d.proven.bad.Swap(len(failed) > 0); was != (len(failed) > 0) {
		d.tellProof(failed)
	}
	d.proven.last.Store(&found)
	d.proven.when.Store(time.Now().Unix())
}

// moreRoots are what origins are verified with beside the system's store.
func (d *daemon) moreRoots(file string) []byte {
	text, err := os.ReadFile(file)
	if err != nil {
		text = nil // roots that are gone make a warning of what they would show
	}
	if block, _ := pem.Decode(d.in.roots); block != nil {
		text = append(text, d.in.roots...)
	}
	return text
}

// tellProof leaves the event that says that blocking stopped, or works again.
func (d *daemon) tellProof(failed []string) {
	f := d.now.Load().file
	reason := policy.SelfProofRestored
	if len(failed) > 0 {
		reason = policy.SelfProofFailed
	} else {
		d.log.Info("sign-ins are restricted again")
	}
	err := d.server.Recorder.Record(&audit.Event{
		Kind: audit.Tenant, Category: []string{"network", "intrusion_detection"}, Type: []string{"info"},
		Action: "self-proof", Reason: string(reason), Unknown: true,
		Plane: string(policy.Auth), Relation: "none", Mode: f.Mode, HomeTenant: f.Tenant.ID, Close: strings.Join(failed, ", "),
	})
	if err != nil {
		d.log.Error("the self-proof could not be recorded", "err", err)
	}
}

// proofMetrics tells how the last proof ended; nothing where there is none.
type proofMetrics struct{ d *daemon }

var (
	proofOK   = prometheus.NewDesc("tenantgate_selfproof_ok", "1 if the proxy could show that sign-ins are restricted, 0 if not.", nil, nil)
	proofWhen = prometheus.NewDesc("tenantgate_selfproof_last_seconds", "When it last tried, Unix time.", nil, nil)
)

// Describe implements prometheus.Collector.
func (proofMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- proofOK; ch <- proofWhen }

// Collect implements prometheus.Collector.
func (m proofMetrics) Collect(ch chan<- prometheus.Metric) {
	when := m.d.proven.when.Load()
	if when == 0 {
		return
	}
	ok := 1.0
	if m.d.proven.bad.Load() {
		ok = 0
	}
	ch <- prometheus.MustNewConstMetric(proofOK, prometheus.GaugeValue, ok)
	ch <- prometheus.MustNewConstMetric(proofWhen, prometheus.GaugeValue, float64(when))
}
