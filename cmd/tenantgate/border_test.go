package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/config"
)

// border is a running proxy with all its ways in, before origins that are one
// listener.
type border struct {
	t *testing.T
	*daemon
}

func newBorder(t *testing.T) *border {
	t.Helper()
	f := config.Default()
	f.State, f.Tenant = t.TempDir(), config.Tenant{ID: homeTenant, Policy: homePolicy}
	f.Listen.Proxy, f.Listen.Admin, f.Listen.Steered, f.Listen.DNS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	f.DNS.Upstreams, f.DNS.Answers, f.DNS.Rate = []string{upstreamZone(t)}, []string{"10.0.0.7"}, 0
	f.Upstream.Ports = []int{443, 8443}
	b := &border{t: t}
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go answerAll(origin)
	in := surroundings{resolver: origins{}, offline: true, connect: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", origin.Addr().String())
	}}
	if b.daemon, err = open(f, nil, in, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- b.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		origin.Close()
	})
	return b
}

func (b *border) built() *built { return b.now.Load() }

// answerAll answers whatever comes with a letter.
func answerAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if _, err := c.Read(make([]byte, 1)); err == nil {
				_, _ = c.Write([]byte("T"))
				_, _ = io.Copy(io.Discard, c)
			}
		}()
	}
}

// upstreamZone is a resolver that knows one address for every name.
func upstreamZone(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended, started := make(chan struct{}), make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }}
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.ParseIP(everywhere)}}
		_ = w.WriteMsg(m)
	})
	go func() { defer close(ended); _ = s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = s.Shutdown(); <-ended })
	return pc.LocalAddr().String()
}

func (b *border) fetch(url string) []byte {
	b.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return body
}

// resolve is what the resolver says of a name.
func (b *border) resolve(name string) string {
	c := dns.Client{Timeout: patience}
	in, _, err := c.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA), b.addr("dns"))
	if err != nil || len(in.Answer) != 1 {
		return fmt.Sprint(in, err)
	}
	switch a := in.Answer[0].(*dns.A).A.String(); a {
	case "10.0.0.7":
		return "steered"
	case everywhere:
		return "forwarded"
	default:
		return a
	}
}

// steer is what becomes of TLS for a name at the SNI router.
func (b *border) steer(name string) string {
	c, err := net.Dial("tcp", b.addr("steered"))
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return whoAnswers(c, bufio.NewReader(c), name)
}

// connect is what becomes of TLS through the explicit proxy.
func (b *border) connect(r spelling) string {
	c, err := net.Dial("tcp", b.addr("proxy"))
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	target := fmt.Sprintf("%s:%d", r.host, r.port)
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	switch {
	case err != nil:
		return err.Error()
	case resp.StatusCode == http.StatusForbidden:
		return "refused"
	case resp.StatusCode != http.StatusOK:
		return resp.Status
	}
	name := strings.TrimSuffix(r.host, ".")
	if r.addressed {
		name = string(r.name)
	}
	return whoAnswers(c, in, name)
}

// whoAnswers sends a hello for name and tells by the first octet who answers.
func whoAnswers(c net.Conn, in *bufio.Reader, name string) string {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	if _, err := c.Write(hello(name)); err != nil {
		return "closed"
	}
	switch first, err := in.ReadByte(); {
	case err != nil:
		return "closed"
	case first == 0x16: // a handshake record, RFC 8446 section 5.1
		return "intercepted"
	case first == 'T':
		return "tunnelled"
	case first == 0x15: // an alert
		return "closed"
	default:
		return fmt.Sprintf("%#x", first)
	}
}

// hello is a TLS 1.3 ClientHello for name, exactly as it is spelled, and without
// a key: the server answers by asking for one (RFC 8446 section 4.1.4), which
// is cheap, and answer enough.
func hello(name string) []byte {
	vector := func(size int, b []byte) []byte {
		n := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
		return append(n[4-size:], b...)
	}
	extension := func(kind uint16, b []byte) []byte {
		return append(binary.BigEndian.AppendUint16(nil, kind), vector(2, b)...)
	}
	var ext []byte
	ext = append(ext, extension(0, vector(2, append([]byte{0}, vector(2, []byte(name))...)))...)
	ext = append(ext, extension(10, vector(2, []byte{0, 29, 0, 23}))...) // x25519, and P-256, which FIPS 140-3 allows
	ext = append(ext, extension(13, vector(2, []byte{4, 3}))...)         // ecdsa_secp256r1_sha256
	ext = append(ext, extension(43, vector(1, []byte{3, 4}))...)         // TLS 1.3
	ext = append(ext, extension(51, vector(2, nil))...)                  // no key
	body := append([]byte{3, 3}, make([]byte, 32)...)                    // version, random
	body = append(body, vector(1, make([]byte, 32))...)                  // session
	body = append(body, vector(2, []byte{0x13, 0x01, 0x13, 0x02})...)    // cipher suites
	body = append(body, 1, 0)                                            // compression
	body = append(body, vector(2, ext)...)
	return append([]byte{0x16, 3, 1}, vector(2, append([]byte{1}, vector(3, body)...))...)
}
