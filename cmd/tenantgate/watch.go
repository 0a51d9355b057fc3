package main

import (
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/console"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/signals"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// watched is the event log with the console and the signals looking on: they
// see what the log has kept, and nothing else.
type watched struct {
	log     proxy.Recorder
	recent  *console.Recent
	signals *signals.Watch
	kept    *atomic.Int64
}

// Record implements proxy.Recorder.
func (w watched) Record(e *audit.Event) error {
	err := w.log.Record(e)
	if err != nil {
		return err
	}
	if e.Kind == audit.Tenant {
		w.kept.Store(time.Now().UnixNano())
	}
	w.recent.Add(e)
	for _, s := range w.signals.See(e) {
		if w.log.Record(s) == nil { // else the log tells: nothing depends on a signal
			w.recent.Add(s)
		}
	}
	return nil
}

// failingFor is how long a failure to write counts when nothing came that
// could have shown that it is over: whoever waits for readiness must not wait
// for the traffic that waits for it.
const failingFor = 15 * time.Second

// recording tells what keeps events from being recorded; empty if nothing does.
func (d *daemon) recording() string {
	s := d.events.Stats()
	if s.LastErrorTime.UnixNano() < d.kept.Load() || time.Since(s.LastErrorTime) > failingFor {
		return ""
	}
	return s.LastError
}

// status tells the console what is in force.
func (d *daemon) status() console.Status {
	b := d.now.Load()
	return console.Status{
		Version: release, Mode: b.file.Mode, Tenant: b.file.Tenant.ID, Policy: b.file.Tenant.Policy, Hash: b.rules.Hash,
		Started: d.started, Loaded: time.Unix(d.reload.when.Load(), 0), Refused: d.reload.failed.Load(),
		Restricted: b.restricted.Patterns(), Exceptions: b.restricted.Exceptions(), Exempt: tagging.Exempt().Patterns(),
	}
}

// tenantName is a domain of the tenant, where the configuration or the
// directory knows one.
func (d *daemon) tenantName(id string) string {
	if id == string(tokens.Consumer) {
		return "personal accounts"
	}
	name, _ := d.now.Load().directory.Name(id)
	return name
}

// names are the hosts that the console answers to beside loopback and the
// address it is reached at: what listen.admin says, and this machine's name.
func names(listen string) []string {
	host, _, _ := net.SplitHostPort(listen)
	all := []string{host}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(name, ".")
		all = append(all, name, short)
	}
	return all
}
