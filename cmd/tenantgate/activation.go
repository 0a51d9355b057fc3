package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tenantgate/tenantgate/proxy"
)

// passed are the sockets that somebody opened for us before the start, by
// listener: systemd from a socket unit, as sd_listen_fds(3) has it.
type passed struct {
	streams map[string]net.Listener
	packets []*net.UDPConn // of dns
}

// listenerNames are the listeners of the configuration, in the order in which
// they are opened and told.
var listenerNames = []string{"proxy", "steered", "dns", "admin"}

// address is what the configuration says of the listener of that name.
func address(l proxy.Listen, name string) string {
	switch name {
	case "proxy":
		return l.Proxy
	case "steered":
		return l.Steered
	case "dns":
		return l.DNS
	case "admin":
		return l.Admin
	default:
		return ""
	}
}

// sortPassed finds the listener of l that each socket is for: the one that
// has the socket's name (FileDescriptorName=), else the one with its address.
// A socket that is for none is refused: whoever passed it believes that
// somebody answers there.
func sortPassed(files []*os.File, l proxy.Listen) (p passed, err error) {
	p.streams = map[string]net.Listener{}
	defer func() {
		for _, f := range files {
			f.Close() // what is in p is a duplicate
		}
		if err != nil {
			p.close()
		}
	}()
	var all []error
	for _, f := range files {
		if err := p.add(f, l); err != nil {
			all = append(all, fmt.Errorf("socket %q that was passed to us: %w", f.Name(), err))
		}
	}
	if err := errors.Join(all...); err != nil {
		return p, broke{err, "name it after its listener (FileDescriptorName=proxy, steered, dns or admin), or give it that listener's address; Accept=no, one ListenStream= each"}
	}
	return p, nil
}

func (p *passed) add(f *os.File, l proxy.Listen) error {
	if conn, err := net.FilePacketConn(f); err == nil {
		return p.addPackets(conn, f.Name(), l)
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return err
	}
	tcp, ok := ln.(*net.TCPListener)
	switch name := belongs(f.Name(), ln.Addr(), l); {
	case !ok:
		err = fmt.Errorf("%s is not TCP", ln.Addr().Network())
	case name == "":
		err = fmt.Errorf("no listener of the configuration has its name or its address %s", ln.Addr())
	case p.streams[name] != nil:
		err = fmt.Errorf("listen.%s has a socket already", name)
	default:
		if err = usable(tcp, name, l); err == nil {
			p.streams[name] = tcp
			return nil
		}
	}
	ln.Close()
	return err
}

func (p *passed) addPackets(conn net.PacketConn, fdName string, l proxy.Listen) error {
	udp, ok := conn.(*net.UDPConn)
	if ok && belongs(fdName, conn.LocalAddr(), l) == "dns" {
		p.packets = append(p.packets, udp)
		return nil
	}
	addr := conn.LocalAddr()
	conn.Close()
	return fmt.Errorf("datagrams are for listen.dns alone, and its name and its address %s are not", addr)
}

// belongs is the name of the listener that a socket is for; empty if of none.
func belongs(fdName string, a net.Addr, l proxy.Listen) string {
	for _, name := range listenerNames {
		if fdName == name && address(l, name) != "" {
			return name
		}
	}
	for _, name := range listenerNames {
		if fdName != name && same(a, address(l, name)) {
			return name
		}
	}
	return ""
}

// same tells whether a socket at a is what an address of the configuration
// asks for. [::] takes IPv4 as well (BindIPv6Only=default), so that it stands
// for every address.
func same(a net.Addr, wanted string) bool {
	has, err1 := netip.ParseAddrPort(a.String())
	host, _, err := net.SplitHostPort(wanted)
	if err != nil || err1 != nil {
		return false
	}
	if host == "" {
		wanted = "[::]" + wanted
	}
	want, err := net.ResolveTCPAddr("tcp", wanted)
	if err != nil || int(has.Port()) != want.Port {
		return false
	}
	if want.IP.IsUnspecified() {
		return has.Addr().IsUnspecified()
	}
	ip, ok := netip.AddrFromSlice(want.IP)
	return ok && ip.Unmap() == has.Addr().Unmap()
}

// usable tells what keeps a socket from being the listener of that name.
func usable(l *net.TCPListener, name string, c proxy.Listen) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	listening, transparent := 0, true
	bad := raw.Control(func(fd uintptr) {
		listening, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		transparent = isTransparent(int(fd))
	})
	switch {
	case errors.Join(bad, err) != nil:
		return errors.Join(bad, err)
	case listening == 0:
		return errors.New("it does not listen, it is a connection")
	case name == "steered" && c.Transparent == proxy.TProxy && !transparent:
		return errors.New("listen.transparent is tproxy, and it takes connections to this machine alone (Transparent=yes)")
	default:
		return nil
	}
}

func (p passed) close() {
	for _, l := range p.streams {
		l.Close()
	}
	for _, c := range p.packets {
		c.Close()
	}
}

// names is for the log: whose sockets were passed.
func (p passed) names() string {
	var all []string
	for _, name := range listenerNames {
		if p.streams[name] != nil {
			all = append(all, name)
		}
	}
	if len(p.packets) > 0 {
		all = append(all, "dns/udp")
	}
	return strings.Join(all, " ")
}
