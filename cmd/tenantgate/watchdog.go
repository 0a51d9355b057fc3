package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells systemd again and again that the proxy works, where it asks
// for that (WatchdogSec=), until stop is called. It is told while a client
// would get an answer: one that hangs is ended and started again.
func (d *daemon) watchdog(ctx context.Context) (stop func()) {
	within, err := systemd.SdWatchdogEnabled(true)
	if err != nil {
		d.log.Warn("systemd's watchdog is not told", "err", err)
	}
	if within == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		half := time.NewTicker(within / 2) // as sd_watchdog_enabled(3) advises
		defer half.Stop()
		for {
			if err := d.answers(ctx, within/4); err == nil {
				notify(systemd.SdNotifyWatchdog)
			} else if ctx.Err() == nil {
				d.log.Error("does not answer itself; systemd's watchdog is not told", "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-half.C:
			}
		}
	}()
	return func() { cancel(); <-done }
}

// answers asks the listeners that speak HTTP what nobody records: a line that
// is no request is answered by the HTTP server itself. To be refused for want
// of memory, or for want of a balancer's header, is an answer too.
func (d *daemon) answers(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	d.events.Stats() // waits for who holds the log
	for _, name := range []string{"proxy", "admin"} {
		addr := d.addr(name)
		if addr == "" {
			continue
		}
		if err := ask(ctx, local(addr)); err != nil {
			return fmt.Errorf("listen.%s: %w", name, err)
		}
	}
	return nil
}

func ask(ctx context.Context, addr string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end)
	if _, err := io.WriteString(conn, "watchdog\r\n\r\n"); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}
