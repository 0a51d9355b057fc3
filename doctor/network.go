package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// The clock matters to certificates, tokens and events. Leaves are valid from
// 24 hours ago, tokens from 5 minutes ago (Entra's tolerance).
const (
	skewed = time.Minute
	wrong  = 5 * time.Minute
)

func (s *Subject) clock(ctx context.Context) Finding {
	at := "https://" + string(signIn[0]) + "/common/v2.0/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return fail(err.Error(), "")
	}
	req.Header.Set("User-Agent", s.Agent)
	c, done := s.client()
	defer done()
	resp, err := c.Do(req)
	if err != nil {
		return skip("nobody told the time: "+errors.Unwrap(err).Error(), "see trust and intercepted")
	}
	resp.Body.Close()
	if reason := resp.Header.Get("Tenantgate-Reason"); reason != "" { // on the server, the proxy's clock is this one
		return skip("nobody told the time: the proxy answered by itself, "+reason, "is the Internet reached from the proxy?")
	}
	told, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return skip("nobody told the time", "")
	}
	const hint = "set up time synchronization (NTP) on this machine"
	off := s.Now().Sub(told).Round(time.Second)
	switch {
	case off.Abs() >= wrong:
		return fail(fmt.Sprintf("this machine's clock is off by %v", off), hint)
	case off.Abs() >= skewed:
		return warn(fmt.Sprintf("this machine's clock is off by %v", off), hint)
	}
	return pass("the clock agrees with " + string(signIn[0]))
}

// dns asks where a sign-in name leads by this machine's DNS: to the published
// ranges, or, on a device, to the proxy.
func (s *Subject) dns(ctx context.Context) Finding {
	if s.Lookup == nil {
		return skip("names are not looked up here: a parent proxy does", "")
	}
	if s.Proxy == "" {
		return s.steered(ctx)
	}
	list, err := s.Lookup(ctx, string(signIn[0]))
	if err != nil || len(list) == 0 {
		if s.Device {
			return skip(string(signIn[0])+" does not resolve here, and a proxy's client has no need to", "")
		}
		return fail(fmt.Sprintf("%s does not resolve: %v", signIn[0], err), "the proxy needs DNS: upstream.resolver, or the system's")
	}
	for _, a := range list {
		switch {
		case s.inRanges(a):
		case s.Device && s.isProxy(ctx, a):
			return pass(string(signIn[0]) + " leads to the proxy")
		case a.IsLoopback() || a.IsPrivate() || a.IsUnspecified():
			if s.Device {
				return warn(fmt.Sprintf("%s leads to %s, which is not the proxy named", signIn[0], a), "which resolver answers that?")
			}
			return fail(fmt.Sprintf("%s leads to %s", signIn[0], a), "the proxy must not look names up where they are steered: upstream.resolver")
		default:
			return warn(fmt.Sprintf("%s leads to %s, which is not in Microsoft's published ranges", signIn[0], a), "the ranges may have grown; or who answers is not to be trusted")
		}
	}
	return pass(string(signIn[0]) + " leads to Microsoft's published ranges")
}

func (s *Subject) inRanges(a netip.Addr) bool {
	for _, p := range s.Ranges {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

func (s *Subject) isProxy(ctx context.Context, a netip.Addr) bool {
	host, _, err := net.SplitHostPort(s.Proxy)
	if err != nil {
		return false
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false
	}
	for _, b := range list {
		if b.Unmap() == a.Unmap() {
			return true
		}
	}
	return false
}

// quicWait is how long an answer to a QUIC packet may take.
const quicWait = 2 * time.Second

// quic asks whether UDP gets out, and only where it was told to. A QUIC packet
// of a version that nobody has makes a server answer at once with the versions
// it knows (RFC 9000, 6.1), and opens nothing there.
func (s *Subject) quic(ctx context.Context) Finding {
	if s.QUIC == "" {
		return skip("no host was named to send a QUIC packet to", "--quic HOST:443")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", s.QUIC)
	if err != nil {
		return warn("nothing was sent: "+err.Error(), "")
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(quicWait)); err != nil {
		return warn(err.Error(), "")
	}
	packet := make([]byte, 1200) // a server answers no smaller one (14.1)
	if _, err := rand.Read(packet); err != nil {
		return warn(err.Error(), "")
	}
	copy(packet, []byte{0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8}) // long header, a version reserved for this (15), connection IDs of 8 octets
	packet[14] = 8
	if _, err := conn.Write(packet); err != nil {
		return pass("UDP to " + s.QUIC + " is refused")
	}
	_, err = conn.Read(make([]byte, 2048))
	switch {
	case err == nil:
		return fail("UDP to "+s.QUIC+" gets out and is answered: HTTP/3 goes past the proxy", "close UDP 443 (tenantgate onboard writes the rules), and QUIC in browsers by policy")
	case errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "unreachable"):
		return pass("UDP to " + s.QUIC + " is refused")
	}
	return pass("UDP to " + s.QUIC + " is not answered")
}
