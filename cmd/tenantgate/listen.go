package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tenantgate/tenantgate/proxy"
)

// listen takes the listeners that were passed to us and opens the others.
func (d *daemon) listen(l proxy.Listen) error {
	given, err := sortPassed(d.in.passed, l)
	if err != nil {
		return err
	}
	balanced := proxy.ProxyProtocol{Peers: balancers(l), Log: d.log}
	for _, name := range listenerNames {
		addr := address(l, name)
		if addr == "" {
			continue
		}
		ln := given.streams[name]
		if ln == nil {
			if ln, err = d.listenFor(name, addr, l); err != nil {
				given.close()
				return broke{fmt.Errorf("listen.%s: %w", name, err), "is another program, or another tenantgate, using " + addr + "?"}
			}
		}
		d.listeners[name] = &closing{Listener: balanced.Listen(ln)}
		d.server.Own(ln.Addr())
	}
	if names := given.names(); names != "" {
		d.log.Info("sockets were passed to us", "listeners", names)
	}
	return d.openDNS(d.listeners["dns"], given.packets)
}

// closing is a listener that may be closed by its server as well.
type closing struct {
	net.Listener
	once sync.Once
}

// Close implements net.Listener.
func (c *closing) Close() (err error) {
	c.once.Do(func() { err = c.Listener.Close() })
	return err
}

// listenFor opens the listener of that name, so that a successor may join it.
// Nobody else joins it by accident: whoever does not succeed asks for the
// address alone, and the kernel lets none but the same user in.
func (d *daemon) listenFor(name, addr string, l proxy.Listen) (net.Listener, error) {
	transparent := name == "steered" && l.Transparent == proxy.TProxy
	if d.in.replace {
		return succeed(addr, transparent)
	}
	open := func() (net.Listener, error) { return sockets(unshared).Listen(context.Background(), "tcp", addr) }
	if transparent {
		open = func() (net.Listener, error) { return proxy.ListenTransparent(addr) }
	}
	ln, err := open()
	if err != nil {
		return nil, err
	}
	if err := control(ln, share); err != nil {
		ln.Close()
		return nil, fmt.Errorf("let a successor in: %w", err)
	}
	return ln, nil
}

// succeed opens a listener beside the one of whoever we replace, and has the
// kernel give new connections to us alone.
func succeed(addr string, transparent bool) (net.Listener, error) {
	open := func() (net.Listener, error) { return sockets(share).Listen(context.Background(), "tcp", addr) }
	if transparent {
		open = func() (net.Listener, error) { return proxy.ListenTransparent(addr, share) }
	}
	ln, err := open()
	if err != nil {
		return nil, err
	}
	if err := control(ln, favour); err != nil {
		ln.Close()
		return nil, fmt.Errorf("take new connections: %w", err)
	}
	return ln, nil
}

// sockets makes listeners and packet connections, after prepare has done
// something with each that has no address yet. They are of plain TCP: Go
// listens with MPTCP by itself, which knows no SO_ATTACH_REUSEPORT_CBPF.
func sockets(prepare func(fd int) error) *net.ListenConfig {
	c := &net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = prepare(int(fd)) })
		return errors.Join(err, failed)
	}}
	c.SetMultipathTCP(false)
	return c
}

func unshared(int) error { return nil }

// share lets a socket have an address with others.
func share(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

// control does something with the socket of l.
func control(l net.Listener, do func(fd int) error) error {
	c, ok := l.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	return errors.Join(err, failed)
}

// balancers are the peers of l that tell where connections come from; config
// has checked them.
func balancers(l proxy.Listen) []netip.Prefix {
	peers, _ := prefixes(l.ProxyProtocol)
	return peers
}
