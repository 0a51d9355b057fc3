package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
)

// SOCKS is whether the explicit proxy speaks SOCKS5 too, and to whom.
type SOCKS string

// The zero SOCKS is none.
const (
	NoSOCKS   SOCKS = "none"
	Anonymous SOCKS = "anonymous" // without authentication (RFC 1928, method 0)
	AnySOCKS  SOCKS = "any"       // also with a user and a password, which are ignored (RFC 1929)
)

// Bytes of SOCKS5 (RFC 1928, 3 to 6).
const (
	socksVersion  = 5
	noMethod      = 0xff
	methodNone    = 0
	methodUser    = 2
	socksConnect  = 1
	socksIPv4     = 1
	socksDomain   = 3
	socksIPv6     = 4
	repSucceeded  = 0
	repFailure    = 1
	repNotAllowed = 2
	repHost       = 4
	repTTL        = 6
	repCommand    = 7
	repAddress    = 8
)

// Errors of a SOCKS request.
var (
	errSOCKS        = errors.New("malformed SOCKS request")
	errSOCKSMethod  = errors.New("no authentication method in common")
	errSOCKSCommand = errors.New("not CONNECT")
	errSOCKSAddress = errors.New("unknown type of address")
)

// socksReasons are the events that these leave, and what the client is told.
var socksReasons = []struct {
	err    error
	reason policy.Reason
	reply  byte
}{
	{errSOCKSCommand, policy.UnsupportedMethod, repCommand},
	{errSOCKSAddress, policy.MalformedAuthority, repAddress},
	{hosts.ErrInvalid, policy.MalformedAuthority, repNotAllowed},
}

// socks carries out what a SOCKS client asks for, as a CONNECT.
func (s *Server) socks(conn net.Conn) {
	c := &client{Conn: conn, from: addrPort(conn.RemoteAddr()), way: silent{}}
	defer s.survive(c)
	_ = conn.SetDeadline(time.Now().Add(orDefault(s.HeaderTimeout, frontHeaderTimeout)))
	dst, err := s.readSOCKS(conn)
	_ = conn.SetDeadline(time.Time{})
	if err == nil {
		c.dst, c.way = dst, socksWay{}
		s.admit(c)
		return
	}
	for _, known := range socksReasons {
		if errors.Is(err, known.err) {
			c.way = socksWay{reply: known.reply}
			s.turnAway(c, known.reason)
			return
		}
	}
	s.turnAway(c, policy.MalformedRequest)
}

// readSOCKS reads as many bytes as the request has: what follows is TLS, and
// may have come already.
func (s *Server) readSOCKS(conn net.Conn) (a hosts.Authority, err error) {
	if err := s.agreeSOCKS(conn); err != nil {
		return a, err
	}
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return a, fmt.Errorf("%w: %w", errSOCKS, err)
	}
	host, err := socksHost(conn, head[3])
	if err != nil {
		return a, err
	}
	var port [2]byte
	if _, err := io.ReadFull(conn, port[:]); err != nil || head[0] != socksVersion || head[2] != 0 {
		return a, errSOCKS
	}
	if head[1] != socksConnect {
		return a, errSOCKSCommand
	}
	return hosts.ParseAuthority(host+":"+strconv.Itoa(int(binary.BigEndian.Uint16(port[:]))), 0)
}

// agreeSOCKS chooses how the client authenticates. Nobody is known by it: a
// user and a password are read, thrown away and accepted.
func (s *Server) agreeSOCKS(conn net.Conn) error {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || head[0] != socksVersion {
		return errSOCKS
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(conn, methods); err != nil {
		return errSOCKS
	}
	offers := func(m byte) bool { return strings.IndexByte(string(methods), m) >= 0 }
	switch {
	case offers(methodNone):
		_, err := conn.Write([]byte{socksVersion, methodNone})
		return err
	case offers(methodUser) && s.SOCKS == AnySOCKS:
		return ignorePassword(conn)
	default:
		_, _ = conn.Write([]byte{socksVersion, noMethod})
		return errSOCKSMethod
	}
}

func ignorePassword(conn net.Conn) error {
	if _, err := conn.Write([]byte{socksVersion, methodUser}); err != nil {
		return err
	}
	var version [1]byte
	if _, err := io.ReadFull(conn, version[:]); err != nil || version[0] != 1 {
		return errSOCKS
	}
	for range 2 { // user, password
		if _, err := socksString(conn); err != nil {
			return err
		}
	}
	_, err := conn.Write([]byte{1, 0})
	return err
}

// socksHost reads an address of that type as CONNECT would write it.
func socksHost(conn net.Conn, kind byte) (string, error) {
	var b [16]byte
	switch kind {
	case socksIPv4:
		if _, err := io.ReadFull(conn, b[:4]); err != nil {
			return "", errSOCKS
		}
		return netip.AddrFrom4([4]byte(b[:4])).String(), nil
	case socksIPv6:
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			return "", errSOCKS
		}
		return "[" + netip.AddrFrom16(b).String() + "]", nil
	case socksDomain:
		name, err := socksString(conn)
		if err == nil && strings.ContainsAny(name, ":[]@/") {
			err = hosts.ErrInvalid // it would be read as more than a host
		}
		return name, err
	default:
		return "", errSOCKSAddress
	}
}

// socksString reads a length and as many bytes.
func socksString(conn net.Conn) (string, error) {
	var n [1]byte
	if _, err := io.ReadFull(conn, n[:]); err != nil {
		return "", errSOCKS
	}
	b := make([]byte, n[0])
	if _, err := io.ReadFull(conn, b); err != nil {
		return "", errSOCKS
	}
	return string(b), nil
}

// socksWay answers a SOCKS client.
type socksWay struct{ reply byte } // of a refusal; 0: by its reason

func (socksWay) accept(c net.Conn) error { return replySOCKS(c, repSucceeded) }

func (w socksWay) refuse(c net.Conn, r refusal) {
	reply := w.reply
	if reply == 0 {
		reply = socksReply(r.Reason)
	}
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = replySOCKS(c, reply)
}

// socksReply is the reply of RFC 1928, 6, that says most of a reason.
func socksReply(reason policy.Reason) byte {
	switch reason {
	case policy.OriginUnreachable:
		return repHost
	case policy.OriginTimeout:
		return repTTL
	case policy.NotRecorded, policy.Overloaded, policy.OriginUntrusted, policy.ParentAuth, policy.OutsideCA:
		return repFailure
	default:
		return repNotAllowed
	}
}

// replySOCKS names no bound address: it is nobody's business.
func replySOCKS(c net.Conn, reply byte) error {
	_, err := c.Write([]byte{socksVersion, reply, 0, socksIPv4, 0, 0, 0, 0, 0, 0})
	return err
}
