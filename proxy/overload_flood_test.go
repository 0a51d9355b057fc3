package proxy_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/tenantgate/tenantgate/proxy"
)

// flood is what one connection sends to keep a server busy.
type flood struct {
	name, source string
	ends         bool // the server ends the connection
	silent       bool // nothing of it reaches an origin
	slowed       bool // it is read more slowly
	send         func(*flooder)
}

// floods are the ways of HTTP/2 to ask for more work than they cost.
var floods = []flood{
	{name: "rapid reset", source: "CVE-2023-44487", slowed: true, send: func(f *flooder) {
		f.path = "/slow" // the answer must not be there before the reset
		f.each(100_000, func(id uint32) error {
			f.head(id, true)
			return f.WriteRSTStream(id, http2.ErrCodeCancel)
		})
	}},
	{name: "resets that the server is made to send", source: "CVE-2025-8671", slowed: true, send: func(f *flooder) {
		f.path = "/slow" // the answer must not be there before the reset
		f.each(100_000, func(id uint32) error {
			f.head(id, true)
			return f.WriteRawFrame(http2.FrameWindowUpdate, 0, id, []byte{0, 0, 0, 0})
		})
	}},
	{name: "CONTINUATION without end", source: "CVE-2023-45288", ends: true, silent: true, slowed: true, send: func(f *flooder) {
		f.headers(1, false, false, 0)
		f.each(20_000, func(uint32) error {
			return f.WriteContinuation(1, false, f.block("x-more", strings.Repeat("m", 1000)))
		})
	}},
	{name: "references to one large header", source: "CVE-2016-6581", silent: true, send: func(f *flooder) {
		f.headers(1, true, true, 8_000)
	}},
	{name: "SETTINGS", source: "CVE-2019-9515", slowed: true, send: func(f *flooder) {
		f.each(100_000, func(uint32) error { return f.WriteSettings() })
	}},
	{name: "PING", source: "CVE-2019-9512", slowed: true, send: func(f *flooder) {
		f.each(100_000, func(uint32) error { return f.WritePing(false, [8]byte{1}) })
	}},
	{name: "empty DATA", source: "CVE-2019-9518", slowed: true, send: func(f *flooder) {
		f.head(1, false)
		f.each(100_000, func(uint32) error { return f.WriteData(1, false, nil) })
	}},
	{name: "PRIORITY", source: "CVE-2019-9513", slowed: true, send: func(f *flooder) {
		f.each(100_000, func(id uint32) error { return f.WritePriority(id, http2.PriorityParam{StreamDep: id + 2, Weight: 1}) })
	}},
	{name: "frames of no size", source: "CVE-2026-33814", ends: true, silent: true, send: func(f *flooder) {
		f.err = f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0})
		f.head(1, true)
	}},
}

// flooder writes frames of its own making until the server has enough.
type flooder struct {
	*http2.Framer
	enc  *hpack.Encoder
	buf  bytes.Buffer
	host string
	path string // of what is asked for

	enough func() bool // it may stop
	err    error
	asked  int
}

func (f *flooder) each(n int, one func(id uint32) error) {
	for i := 0; i < n && f.err == nil && (i%100 > 0 || !f.enough()); i++ {
		f.err = one(uint32(2*i + 1))
	}
}

// head writes a whole request.
func (f *flooder) head(id uint32, end bool) { f.headers(id, end, true, 0) }

// headers writes a request, with a large header that is named so many times.
func (f *flooder) headers(id uint32, end, whole bool, times int) {
	method := "GET"
	if !end {
		method = "POST"
	}
	fields := []string{":method", method, ":scheme", "https", ":authority", f.host, ":path", f.path}
	f.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = f.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a bytes.Buffer takes everything
	}
	for range times {
		_ = f.enc.WriteField(hpack.HeaderField{Name: "x-large", Value: strings.Repeat("l", 3000)})
	}
	f.asked++
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.buf.Bytes(), EndStream: end, EndHeaders: whole}); err != nil {
		f.err = err
	}
}

func (f *flooder) block(name, value string) []byte {
	f.buf.Reset()
	_ = f.enc.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: true})
	return f.buf.Bytes()
}

// TestAFloodOfFramesCostsNobodyElse sends each of floods on one connection. A
// client beside it is served meanwhile, whatever arrives is tagged, and when it
// is over nothing is left.
func TestAFloodOfFramesCostsNobodyElse(t *testing.T) {
	for _, one := range floods {
		t.Run(one.name, func(t *testing.T) {
			r, shed := limited(t, proxy.Limits{})
			beside := r.client("h2")
			r.wantServed(t, beside)
			before := runtime.NumGoroutine()
			r.cloud.Reset()
			conn := r.tls(signIn, "h2")
			f := &flooder{Framer: http2.NewFramer(conn, nil), host: signIn, path: "/status/200", enough: func() bool { return shed("frames") > 0 }}
			f.AllowIllegalWrites = true
			f.enc = hpack.NewEncoder(&f.buf)
			if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
				t.Fatal(err)
			}
			if err := f.WriteSettings(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, conn); ended <- err }()
			meanwhile := make(chan struct{})
			go func() { one.send(f); close(meanwhile) }()
			r.wantServed(t, beside)
			<-meanwhile
			if one.ends {
				select {
				case <-ended:
				case <-time.After(patience):
					t.Error("the server reads on")
				}
			}
			if slowed := shed("frames") > 0; slowed != one.slowed {
				t.Errorf("the connection was slowed down: %t", slowed)
			}
			_ = conn.NetConn().(*net.TCPConn).SetLinger(0) // nobody is to read the rest
			conn.Close()
			r.wantServed(t, beside)
			if arrived := len(r.cloud.Seen()) - 2; one.silent && arrived > 0 || arrived > f.asked {
				t.Errorf("%d requests arrived of %d", arrived, f.asked)
			}
			for _, s := range r.cloud.Seen() {
				if tags := s.Tags(); s.Host == signIn && len(tags) != 1 {
					t.Fatalf("arrived with tags %q", tags)
				}
			}
			r.atRest(before)
		})
	}
}

func (r *rig) wantServed(t *testing.T, c *http.Client) {
	t.Helper()
	resp, err := c.Get("https://" + restricted + "/status/200")
	if err != nil {
		t.Errorf("a client beside: %v", err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a client beside: %s", resp.Status)
	}
}

// atRest waits until there are no more goroutines than before, but for
// connections to origins that are kept.
func (r *rig) atRest(before int) {
	r.t.Helper()
	const kept = 12
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before+kept; runtime.Gosched() {
		(&http.Client{Transport: r.rules.HTTP}).CloseIdleConnections()
		if time.Now().After(end) {
			r.t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
