package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/console"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/signals"
)

// daemon is a running proxy with everything round it.
type daemon struct {
	log     *slog.Logger
	from    *source      // read again on SIGHUP; nil where there is nothing to read
	in      surroundings // what the configuration is built in
	events  *books
	recent  *console.Recent // the events that the console shows
	signals *signals.Watch
	proven  proven
	kept    atomic.Int64 // when a tenant event was last kept, Unix nanoseconds
	started time.Time
	ca      *certs.Authority
	signer  atomic.Pointer[x509.Certificate] // that of ca, once there is one
	server  *proxy.Server
	admin   *http.Server
	metrics *prometheus.Registry
	now     atomic.Pointer[built] // what is in force

	listeners map[string]net.Listener
	dns       *steering       // nil: no resolver
	before    net.Conn        // to whom we replaced; nil: nobody
	alone     <-chan struct{} // closed when that one listens no more; nil: there was none
	reload    reloadState
	pacs      atomic.Uint64 // PAC files that were asked for
}

// open makes everything that f describes, up to listening. On an error
// nothing stays open.
func open(f config.File, from *source, in surroundings, log *slog.Logger) (_ *daemon, err error) {
	d := &daemon{log: log, from: from, in: in, metrics: prometheus.NewRegistry(), listeners: map[string]net.Listener{},
		recent: console.NewRecent(observer()), signals: signals.New(f.Signals), started: time.Now()}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := makeState(f); err != nil {
		return nil, err
	}
	if d.in.digestKey, err = digestKey(stateDir(f, "digest.key")); err != nil {
		return nil, broke{err, "the state directory must be ours alone"}
	}
	d.events = &books{open: func() (*audit.Log, error) {
		return audit.Open(d.eventsOf(d.file(f)), stateDir(f, "events"), d.observer())
	}}
	if !in.replace {
		if err := d.startEvents(); err != nil {
			return nil, err
		}
	}
	d.server = &proxy.Server{Recorder: watched{d.events, d.recent, d.signals, &d.kept}, Metrics: proxy.NewMetrics(d.metrics), Log: log, Transparent: f.Listen.Transparent, SOCKS: f.Listen.SOCKS, Limits: f.Limits}
	d.in.own, d.in.ours, d.in.metrics, d.in.log = d.server.Owns, d.signedByUs, d.server.Metrics, log
	b, err := assemble(f, d.in)
	if err != nil {
		return nil, f.Locate(err)
	}
	if d.ca, err = certs.Open(stateDir(f, "ca"), b.restricted); err != nil {
		return nil, broke{err, ""}
	}
	if missing := d.ca.Missing(b.restricted); len(missing) > 0 {
		log.Warn("restricted hosts outside the CA are refused; tenantgate ca rotate makes one that covers them", "hosts", missing)
	}
	d.server.Leaves = d.ca
	d.signer.Store(d.ca.Certificate())
	d.use(b)
	d.count()
	if in.replace {
		return d, d.takeOver(f.Listen)
	}
	return d, d.listen(f.Listen)
}

// observer is ours, beside the CA that is in use.
func (d *daemon) observer() audit.Observer {
	o := observer()
	o.Ours = d.signedByUs
	return o
}

// startEvents opens the event log.
func (d *daemon) startEvents() error {
	if err := d.events.start(); err != nil {
		return broke{fmt.Errorf("open events: %w", err), "start is refused without evidence: events.file and state must be writable"}
	}
	return nil
}

// file is the configuration in force, or first before there is one.
func (d *daemon) file(first config.File) config.File {
	if b := d.now.Load(); b != nil {
		return b.file
	}
	return first
}

// eventsOf is the section events with what a file cannot say.
func (d *daemon) eventsOf(f config.File) audit.Config {
	c := f.Events
	c.Log, c.Privacy.Key = d.log, d.in.digestKey
	return c
}

// use puts b in force.
func (d *daemon) use(b *built) {
	d.server.Use(b.rules)
	d.signals.Use(b.file.Signals)
	if d.dns != nil {
		d.dns.server.Use(b.dns)
	}
	if old := d.now.Swap(b); old != nil {
		hits, misses := old.rules.Tokens.Stats()
		d.reload.hits.Add(hits)
		d.reload.misses.Add(misses)
		if err := old.directory.Close(); err != nil {
			d.log.Warn("keep what the directory knows", "err", err)
		}
	}
	for _, note := range pacNotes(b.file) {
		d.log.Warn(note)
	}
	if len(b.unresolved) > 0 {
		d.log.Warn("partners whose tenant nobody can tell permit nothing for now", "domains", b.unresolved)
	}
}

// serve runs until ctx ends, then drains.
func (d *daemon) serve(ctx context.Context) error {
	failed := make(chan error, 4)
	start := func(name string, serve func(net.Listener) error) {
		if l := d.listeners[name]; l != nil {
			go func() { failed <- serve(l) }()
		}
	}
	d.admin = d.newAdmin()
	stop := d.follow(ctx) // before anybody is told that SIGHUP reloads
	defer stop()
	start("proxy", d.server.ServeProxy)
	start("steered", d.server.ServeSteered)
	start("dns", d.serveDNS)
	start("admin", d.admin.Serve)
	restProof := d.prove(ctx)
	given, withdraw, err := d.offer()
	if err != nil {
		d.log.Warn("nobody can take over without a stop", "err", err)
		withdraw = func() {}
	}
	defer withdraw()
	restWatchdog := d.watchdog(ctx)
	notify(systemd.SdNotifyReady)
	err = nil
	select {
	case <-ctx.Done():
	case err = <-given:
	case err = <-failed:
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
	}
	restWatchdog()
	restProof()
	notify(systemd.SdNotifyStopping)
	d.log.Info("draining", "for", drainTime.String())
	return errors.Join(err, d.drain())
}

// makeState makes the state directory, which only its owner may enter.
func makeState(f config.File) error {
	if err := os.MkdirAll(f.State, 0o700); err != nil {
		return broke{fmt.Errorf("state: %w", err), "name a directory that this user may write, with state: or --state"}
	}
	return nil
}

// digestKey is the key of the digests in events: one for each installation, so
// that a digest means nothing elsewhere.
func digestKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read digest key: %w", err)
	}
	key = make([]byte, 32)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return nil, err
	}
	next := filepath.Join(filepath.Dir(file), ".digest.key.next")
	if err := os.WriteFile(next, key, 0o600); err != nil {
		return nil, fmt.Errorf("write digest key: %w", err)
	}
	return key, os.Rename(next, file)
}

// addr is where a listener can be reached; empty if it is off.
func (d *daemon) addr(name string) string {
	if l := d.listeners[name]; l != nil {
		return l.Addr().String()
	}
	return ""
}
