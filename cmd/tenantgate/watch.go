package main

import (
	"net"
	"os"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/console"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// watched is the event log with the console looking on: it sees what the log
// has kept, and nothing else.
type watched struct {
	log    *audit.Log
	recent *console.Recent
}

// Record implements proxy.Recorder.
func (w watched) Record(e *audit.Event) error {
	err := w.log.Record(e)
	if err == nil {
		w.recent.Add(e)
	}
	return err
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
