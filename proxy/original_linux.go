package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST of linux/netfilter_ipv4.h, and of its IPv6
// twin IP6T_SO_ORIGINAL_DST.
const soOriginalDst = 80

// originalDestination asks the kernel's connection tracking where c went
// before a redirect rule; not valid where there was none.
func originalDestination(c *net.TCPConn) (to netip.AddrPort) {
	raw, err := c.SyscallConn()
	if err != nil {
		return to
	}
	here := addrPort(c.LocalAddr())
	_ = raw.Control(func(fd uintptr) {
		if here.Addr().Is4() {
			to = originalIPv4(int(fd))
			return
		}
		to = originalIPv6(int(fd))
	})
	if to == here {
		return netip.AddrPort{}
	}
	return to
}

// originalIPv4 reads a sockaddr_in through the one call of x/sys that returns
// as many bytes: family, port, address.
func originalIPv4(fd int) netip.AddrPort {
	m, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}
	}
	b := m.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4]))
}

// originalIPv6 reads a sockaddr_in6, which is what an IPv6MTUInfo starts with.
func originalIPv6(fd int) netip.AddrPort {
	m, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}
	}
	port := binary.NativeEndian.AppendUint16(nil, m.Addr.Port)
	return netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr), binary.BigEndian.Uint16(port))
}

// ListenTransparent listens for what a tproxy rule brings: connections to
// addresses that are not this machine's. It needs CAP_NET_ADMIN. What more there
// is to do with the socket before it has an address, more does.
func ListenTransparent(addr string, more ...func(fd int) error) (net.Listener, error) {
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		bad := raw.Control(func(fd uintptr) {
			if err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1); err != nil {
				return
			}
			err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
			if errors.Is(err, unix.ENOPROTOOPT) || errors.Is(err, unix.EOPNOTSUPP) {
				err = nil // an IPv4 socket
			}
			for _, do := range more {
				err = errors.Join(err, do(int(fd)))
			}
		})
		return errors.Join(bad, err)
	}}
	c.SetMultipathTCP(false) // which has not every option
	return c.Listen(context.Background(), "tcp", addr)
}
