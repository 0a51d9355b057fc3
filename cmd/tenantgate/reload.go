package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"sync/atomic"
	"syscall"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/config"
)

// reloadState is what metrics and readiness tell of the last reload.
type reloadState struct {
	failed atomic.Bool
	when   atomic.Int64 // Unix seconds of the last success

	hits, misses atomic.Uint64 // of the token caches of earlier configurations
}

// askAgain is how often partners' domains that nobody could tell the tenant of
// are asked about again.
const askAgain = time.Minute

// follow reloads on SIGHUP, and asks again for what could not be resolved,
// until stop is called.
func (d *daemon) follow(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	done := make(chan struct{})
	d.reload.when.Store(time.Now().Unix())
	go func() {
		defer close(done)
		again := time.NewTicker(askAgain)
		defer again.Stop()
		seen := rootsChanged(d.now.Load().file.Upstream.Roots)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				d.reloadNow()
			case <-again.C:
				d.resolveAgain()
				seen = d.believeAgain(seen)
			}
		}
	}()
	return func() { signal.Stop(hup); cancel(); <-done }
}

// reloadNow puts the configuration as it now is in force, as one snapshot; or
// keeps the old one and says why. listen and state stay what they were.
func (d *daemon) reloadNow() {
	notify(systemd.SdNotifyReloading + "\n" + monotonic())
	defer notify(systemd.SdNotifyReady)
	if err := d.events.Reopen(); err != nil {
		d.log.Error("reopen events", "err", err)
	}
	if d.from == nil {
		return
	}
	f, err := d.from.read()
	if err == nil {
		err = d.replace(f)
	}
	d.reload.failed.Store(err != nil)
	if err != nil {
		d.log.Error("configuration was not reloaded; the old one stays in force", "err", err)
		return
	}
	d.reload.when.Store(time.Now().Unix())
	d.log.Info("configuration reloaded", "hash", d.now.Load().rules.Hash)
}

// replace puts f in force. A restricted host that the CA may not speak for
// would be lost to users, so such a configuration is refused by name.
func (d *daemon) replace(f config.File) error {
	old := d.now.Load().file
	if f.State != old.State || !reflect.DeepEqual(f.Listen, old.Listen) {
		d.log.Warn("listen and state change only at a restart")
		f.State, f.Listen = old.State, old.Listen
	}
	if !sameBounds(f.Events, old.Events) {
		d.log.Warn("of events, only file, sinks and privacy change without a restart")
	}
	d.keepDirectory()
	b, err := assemble(f, d.in)
	if err = errors.Join(err, harden(f, func(string) {})); err != nil {
		return f.Locate(err)
	}
	if missing := d.ca.Missing(b.restricted); len(missing) > len(d.ca.Missing(d.now.Load().restricted)) {
		return fmt.Errorf("hosts outside the CA's name constraints: %v (tenantgate ca rotate, then restart)", missing)
	}
	if f.Events.File != old.Events.File {
		if err := d.events.Move(f.Events.File); err != nil {
			return fmt.Errorf("events.file: %w", err)
		}
	}
	if !reflect.DeepEqual(f.Events.Sinks, old.Events.Sinks) {
		if err := d.events.UseSinks(d.eventsOf(f)); err != nil {
			return fmt.Errorf("events.sinks: %w", err)
		}
	}
	d.events.UsePrivacy(d.eventsOf(f).Privacy)
	d.use(b)
	return nil
}

// keepDirectory writes what is known of tenants, so that the next directory
// starts with it.
func (d *daemon) keepDirectory() {
	b := d.now.Load()
	if b == nil {
		return
	}
	if err := b.directory.Close(); err != nil {
		d.log.Warn("what was learnt of tenants could not be kept", "err", err)
	}
}

// sameBounds tells whether a and b differ in nothing but the file, the sinks
// and what is told of people.
func sameBounds(a, b audit.Config) bool {
	a.File, a.Sinks, a.Privacy = b.File, b.Sinks, b.Privacy
	return reflect.DeepEqual(a, b)
}

// resolveAgain builds the same configuration once more where a partner's
// domain had no answer.
func (d *daemon) resolveAgain() {
	b := d.now.Load()
	if len(b.unresolved) == 0 {
		return
	}
	d.keepDirectory()
	next, err := assemble(b.file, d.in)
	if err == nil && len(next.unresolved) < len(b.unresolved) {
		d.use(next)
	}
}

// believeAgain reads the roots again, with the configuration as it is, where
// they are not as they were seen last: an update of ca-certificates must not
// wait for a restart to distrust somebody.
func (d *daemon) believeAgain(seen time.Time) time.Time {
	f := d.now.Load().file
	changed := rootsChanged(f.Upstream.Roots)
	if changed.Equal(seen) {
		return seen
	}
	d.keepDirectory()
	next, err := assemble(f, d.in)
	if err != nil {
		d.log.Error("the roots that origins are believed by have changed and cannot be used; the old ones stay", "err", err)
		return changed
	}
	d.use(next)
	d.log.Info("the roots that origins are believed by have changed, and are in force")
	return changed
}

// notify tells systemd; without systemd it does nothing.
func notify(state string) { _, _ = systemd.SdNotify(false, state) }

// monotonic is the time stamp that sd_notify(3) wants beside RELOADING=1.
func monotonic() string {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000)
}
