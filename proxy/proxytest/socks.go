package proxytest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

// Replies of SOCKS5 (RFC 1928): the method, and what became of the request.
const (
	agreed    = "\x05\x00"
	replySize = 10
)

// SOCKS returns the bytes that ask for target as a CONNECT does: the methods
// and the request in one. It returns false where SOCKS has no words for it.
func SOCKS(target string) (string, bool) {
	host, digits, err := net.SplitHostPort(target)
	port, bad := strconv.ParseUint(digits, 10, 16)
	if err != nil || bad != nil || strconv.FormatUint(port, 10) != digits || len(host) > 255 {
		return "", false
	}
	b := []byte("\x05\x01\x00" + "\x05\x01\x00")
	addr, err := netip.ParseAddr(host)
	switch {
	case target[0] == '[' && (err != nil || !addr.Is6() || addr.Zone() != ""):
		return "", false
	case err != nil:
		b = append(b, 3, byte(len(host)))
		b = append(b, host...)
	case addr.Is4():
		b = append(b, 1)
		b = append(b, addr.AsSlice()...)
	default:
		b = append(b, 4)
		b = append(b, addr.AsSlice()...)
	}
	return string(binary.BigEndian.AppendUint16(b, uint16(port))), true
}

// granted reads the answers to a SOCKS request.
func granted(conn net.Conn) (net.Conn, error) {
	var b [len(agreed) + replySize]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		conn.Close()
		return nil, fmt.Errorf("answer to SOCKS: %w", err)
	}
	if string(b[:2]) == agreed && b[3] == 0 {
		return conn, nil
	}
	conn.Close()
	return nil, &Refused{Answer{Reset: fmt.Sprintf("SOCKS reply %d", b[3])}}
}
