package proxy_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/proxy"
)

// v2 is a PROXY protocol header of version 2: command and version, family and
// transport, what follows.
func v2(command, family byte, rest ...byte) string {
	head := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	return string(append(binary.BigEndian.AppendUint16(head, uint16(len(rest))), rest...))
}

var (
	v2tcp4 = v2(0x21, 0x11, 203, 0, 113, 7, 10, 0, 0, 7, 0x30, 0x39, 0x01, 0xbb)
	v2tcp6 = v2(0x21, 0x21, append(append(netip.MustParseAddr("2001:db8::7").AsSlice(), make([]byte, 16)...), 0x30, 0x39, 0x01, 0xbb)...)
)

// behindBalancer starts both ways in with peers as balancers.
func behindBalancer(t *testing.T, peers string, timeout time.Duration) (r *rig, proxyAddr, steered string) {
	t.Helper()
	r = newRig(t)
	p := proxy.ProxyProtocol{Peers: []netip.Prefix{netip.MustParsePrefix(peers)}, Timeout: timeout}
	addr := func(serve func(net.Listener) error) string {
		return r.listen(func(l net.Listener) error { return serve(p.Listen(l)) })
	}
	return r, addr(r.server.ServeProxy), addr(r.server.ServeSteered)
}

func dialed(t *testing.T, addr string) net.Conn {
	t.Helper()
	c := must(net.Dial("tcp", addr))(t)
	_ = c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

const connectUnlisted = "CONNECT " + unlisted + ":443 HTTP/1.1\r\nHost: " + unlisted + ":443\r\n\r\n"

func TestABalancersHeaderTellsTheSourceOnEveryWayIn(t *testing.T) {
	r, explicit, steered := behindBalancer(t, "127.0.0.0/8", 0)
	tests := []struct{ name, header, source string }{
		{"v1", "PROXY TCP4 203.0.113.7 10.0.0.7 12345 443\r\n", "203.0.113.7:12345"},
		{"v1 with IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 12345 443\r\n", "[2001:db8::7]:12345"},
		{"v2", v2tcp4, "203.0.113.7:12345"},
		{"v2 with IPv6", v2tcp6, "[2001:db8::7]:12345"},
		{"v2 with extensions", v2(0x21, 0x11, 203, 0, 113, 7, 10, 0, 0, 7, 0x30, 0x39, 0x01, 0xbb, 0x04, 0, 3, 'a', 'b', 'c'), "203.0.113.7:12345"},
		{"v1 of its own", "PROXY UNKNOWN\r\n", ""},
		{"v2 of its own", v2(0x20, 0x00), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for way, addr := range map[string]string{"explicit": explicit, "steered": steered} {
				c := dialed(t, addr)
				source := tt.source
				if source == "" {
					source = c.LocalAddr().String()
				}
				if send(t, c, tt.header); way == "explicit" {
					send(t, c, connectUnlisted)
					answer(t, c, http.MethodConnect)
				}
				status200(t, r, c)
				c.Close()
				r.events.wait(t, func(e audit.Event) bool { return e.Source.String() == source && e.Host == unlisted && e.BytesOut > 0 })
				r.events.forget()
			}
		})
	}
}

// firstFlight is what a client that wants name says first in TLS.
func firstFlight(name string) []byte {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() { _ = tls.Client(ours, &tls.Config{ServerName: name}).Handshake() }()
	b := make([]byte, 16<<10)
	n, _ := theirs.Read(b)
	return b[:n]
}

// status200 asks the unlisted host for something through c, which is open.
func status200(t *testing.T, r *rig, c net.Conn) {
	t.Helper()
	tc := r.shake(c, &tls.Config{ServerName: unlisted})
	send(t, tc, "GET /status/200 HTTP/1.1\r\nHost: "+unlisted+"\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(tc), nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("%v %v", resp, err)
	}
}

func TestWhatABalancerMustNotSendIsClosed(t *testing.T) {
	r, explicit, steered := behindBalancer(t, "127.0.0.0/8", 0)
	hello := string(firstFlight(unlisted))
	tests := map[string]string{
		"no header":             "",
		"half a version":        "PROX",
		"unknown protocol":      "PROXY TCP5 203.0.113.7 10.0.0.7 1 2\r\n",
		"no port":               "PROXY TCP4 203.0.113.7 10.0.0.7\r\n",
		"port out of range":     "PROXY TCP4 203.0.113.7 10.0.0.7 99999 443\r\n",
		"a name":                "PROXY TCP4 localhost 10.0.0.7 1 443\r\n",
		"IPv6 as TCP4":          "PROXY TCP4 2001:db8::7 10.0.0.7 1 443\r\n",
		"bare LF":               "PROXY TCP4 203.0.113.7 10.0.0.7 1 443\n",
		"endless":               "PROXY TCP4 " + strings.Repeat("1", 300) + "\r\n",
		"unspecified":           "PROXY TCP4 0.0.0.0 10.0.0.7 1 443\r\n",
		"version 3":             v2(0x31, 0x11, 203, 0, 113, 7, 10, 0, 0, 7, 1, 1, 1, 1),
		"unknown command":       v2(0x22, 0x11, 203, 0, 113, 7, 10, 0, 0, 7, 1, 1, 1, 1),
		"datagrams":             v2(0x21, 0x12, 203, 0, 113, 7, 10, 0, 0, 7, 1, 1, 1, 1),
		"a Unix socket":         v2(0x21, 0x31, make([]byte, 216)...),
		"an undefined family":   v2(0x21, 0x13, 203, 0, 113, 7, 10, 0, 0, 7, 1, 1, 1, 1),
		"proxied from nowhere":  v2(0x21, 0x00),
		"too short for its own": v2(0x21, 0x21, 203, 0, 113, 7, 10, 0, 0, 7, 1, 1, 1, 1),
		"too long":              v2(0x21, 0x11, make([]byte, 5000)...),
	}
	for name, header := range tests {
		t.Run(name, func(t *testing.T) {
			for way, addr := range map[string]string{"explicit": explicit, "steered": steered} {
				c := dialed(t, addr)
				behind := hello
				if way == "explicit" {
					behind = connectUnlisted
				}
				_, _ = io.WriteString(c, header+behind) // the proxy may have closed already
				if got, _ := io.ReadAll(c); len(got) > 0 {
					t.Errorf("%s answered %q", way, got)
				}
			}
		})
	}
	if n := len(r.cloud.Seen()); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestABalancerThatSaysNothingIsClosedInTime(t *testing.T) {
	_, explicit, steered := behindBalancer(t, "127.0.0.0/8", 30*time.Millisecond)
	for _, start := range []string{"", "P", "PROXY TCP4 203.0.113.7", "\r\n\r\n"} {
		for _, addr := range []string{explicit, steered} {
			c := dialed(t, addr)
			send(t, c, start)
			if got, _ := io.ReadAll(c); len(got) > 0 {
				t.Errorf("%q was answered with %q", start, got)
			}
		}
	}
}

func TestAHeaderOfSomebodyElseIsRefused(t *testing.T) {
	r, explicit, steered := behindBalancer(t, "10.9.8.7/32", 0)
	for _, header := range []string{"PROXY TCP4 203.0.113.7 10.0.0.7 12345 443\r\n", v2tcp4} {
		c := dialed(t, explicit)
		send(t, c, header+connectUnlisted)
		if resp := answer(t, c, http.MethodGet); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("explicit: %s", resp.Status)
		}
		c = dialed(t, steered)
		send(t, c, header+string(firstFlight(unlisted)))
		if got, _ := io.ReadAll(c); len(got) > 0 {
			t.Errorf("steered answered %d bytes", len(got))
		}
	}
	c := dialed(t, explicit) // and without a header it is served
	send(t, c, connectUnlisted)
	if resp := answer(t, c, http.MethodConnect); resp.StatusCode != 200 {
		t.Errorf("without a header: %s", resp.Status)
	}
	if list := r.events.all(func(e audit.Event) bool { return e.Source.Addr() == netip.MustParseAddr("203.0.113.7") }); len(list) > 0 {
		t.Errorf("the address was believed: %+v", list)
	}
}

func FuzzProxyProtocolHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 203.0.113.7 10.0.0.7 12345 443\r\nrest"))
	f.Add([]byte(v2tcp4 + "rest"))
	f.Add([]byte(v2tcp6))
	f.Add([]byte(v2(0x20, 0x00)))
	p := proxy.ProxyProtocol{Peers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := p.Listen(&oneConn{c: &written{Reader: bytes.NewReader(b)}})
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.LocalAddr().String()
		from, err := netip.ParseAddrPort(c.RemoteAddr().String())
		if err != nil || from.Addr().IsUnspecified() {
			t.Errorf("%q comes from %v, %v", b, c.RemoteAddr(), err)
		}
		rest, _ := io.ReadAll(c)
		if !bytes.HasSuffix(b, rest) || len(rest) == len(b) && len(b) > 0 {
			t.Errorf("%q became %q", b, rest)
		}
	})
}

// oneConn is a listener to which one connection came.
type oneConn struct {
	net.Listener
	c net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) { return l.c, nil }

// written is a connection of a balancer that has written everything it will.
type written struct {
	net.Conn
	io.Reader
}

func (w *written) Read(b []byte) (int, error) { return w.Reader.Read(b) }
func (w *written) Close() error               { return nil }
func (w *written) LocalAddr() net.Addr        { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 443} }
func (w *written) RemoteAddr() net.Addr       { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
