//go:build !linux

package proxy

import (
	"errors"
	"net"
	"net/netip"
)

func originalDestination(*net.TCPConn) netip.AddrPort { return netip.AddrPort{} }

// ListenTransparent fails: only Linux has IP_TRANSPARENT.
func ListenTransparent(string, ...func(fd int) error) (net.Listener, error) {
	return nil, errors.New("tproxy is known on Linux alone")
}
