package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

type doer = *http.Client

// The clients of a mix: a few addresses, so that per-client state is there.
func (m *mix) clients() {
	m.h1 = m.stand.way.client(goodFrom, false, true)
	m.h2 = m.stand.way.client("127.0.2.3", true, true)
	m.once = m.stand.way.client("127.0.2.4", false, false)
	m.abandoned = m.stand.way.client("127.0.2.5", false, true)
}

// trial is one kind of traffic: about 40 attempts a second in all.
type trial struct {
	name  string
	every time.Duration
	do    func(context.Context, *mix) error
}

const (
	often  = 100 * time.Millisecond
	second = time.Second
	rarely = 5 * time.Second
)

// broken is a host whose handlers break the connection.
const broken = "h1-broken.sharepoint.com"

var mixed = []trial{
	{"HTTP/1.1", often, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h1, data, "/1024", m.stand.home, 200) }},
	{"HTTP/2", often, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h2, data, "/1024", m.stand.home, 200) }},
	{"sign-in", second / 2, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h1, signIn, "/512", "", 200) }},
	{"sign-in by HTTP/2", second / 2, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h2, signIn, "/512", "", 200) }},
	{"new connection", second / 2, func(ctx context.Context, m *mix) error { return m.want(ctx, m.once, data, "/1024", m.stand.home, 200) }},
	{"tunnel", second / 2, func(ctx context.Context, m *mix) error { return m.want(ctx, m.once, site, "/4096", "", 200) }},
	{"foreign token", second / 3, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h1, data, "/1", m.stand.sly, 403) }},
	{"foreign token by HTTP/2", second / 3, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h2, data, "/1", m.stand.sly, 403) }},
	{"large answer", second, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h2, data, "/1000000", m.stand.home, 200) }},
	{"form", second, form},
	{"foreign token in a form", second, slyForm},
	{"WebSocket", second, func(ctx context.Context, m *mix) error { return m.webSocket(ctx, 1) }},
	{"early hints", second, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h1, data, "/hints", m.stand.home, 200) }},
	{"slow answer", second, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h2, data, "/trickle", m.stand.home, 200) }},
	{"origin resets", second, func(ctx context.Context, m *mix) error { return m.want(ctx, m.h1, broken, "/reset", m.stand.home, 502) }},
	{"origin cuts off", second, cutOff},
	{"no such origin", rarely, func(ctx context.Context, m *mix) error {
		return m.refusedConnect(ctx, "a.nowhere.example", "502")
	}},
	{"address", second, func(ctx context.Context, m *mix) error { return m.refusedConnect(ctx, "10.0.0.1", "403") }},
	{"malformed target", second, func(ctx context.Context, m *mix) error { return m.refusedConnect(ctx, "a,b", "400") }},
	{"client leaves before its hello", second / 2, leaveEarly},
	{"client leaves amid its answer", second, leaveAmid},
	{"client leaves while it waits", second, leaveWaiting},
	{"streams reset", second, resets},
}

// want sends one request and wants that status.
func (m *mix) want(ctx context.Context, c doer, host, path, bearer string, status int) error {
	r, err := request(ctx, http.MethodGet, host, path, bearer, nil)
	if err != nil {
		return err
	}
	return wanted(c, r, status)
}

func wanted(c doer, r *http.Request, status int) error {
	got, reason, err := ask(c, r)
	switch {
	case err != nil:
		return err
	case got != status:
		return fmt.Errorf("%d %s, want %d", got, reason, status)
	default:
		return nil
	}
}

func (m *mix) post(ctx context.Context, bearer, text string, status int) error {
	r, err := request(ctx, http.MethodPost, farData, "/echo", bearer, strings.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return wanted(m.h2, r, status)
}

func form(ctx context.Context, m *mix) error {
	return m.post(ctx, m.stand.home, "a="+strings.Repeat("b", 100_000), http.StatusOK)
}

func slyForm(ctx context.Context, m *mix) error {
	return m.post(ctx, m.stand.home, "a="+strings.Repeat("b", 1000)+"&access_token="+m.stand.sly, http.StatusForbidden)
}

func cutOff(ctx context.Context, m *mix) error {
	err := m.want(ctx, m.h1, broken, "/cut", m.stand.home, 200)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("an answer that was cut off: %w", err)
	}
	return nil
}

// refusedConnect wants a CONNECT refused with that status.
func (m *mix) refusedConnect(ctx context.Context, host, status string) error {
	conn, err := m.stand.way.connect(ctx, goodFrom, host)
	if err == nil {
		conn.Close()
		return errors.New("accepted")
	}
	if !errors.Is(err, errRefused) || !strings.Contains(err.Error(), status) {
		return err
	}
	return nil
}

func leaveEarly(ctx context.Context, m *mix) error {
	conn, err := m.stand.way.connect(ctx, "127.0.2.5", data)
	if err != nil {
		return err
	}
	return conn.Close()
}

func leaveAmid(ctx context.Context, m *mix) error {
	r, err := request(ctx, http.MethodGet, data, "/10000000", m.stand.home, nil)
	if err != nil {
		return err
	}
	resp, err := m.abandoned.Do(r)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, resp.Body, 10_000)
	resp.Body.Close()
	return err
}

func leaveWaiting(ctx context.Context, m *mix) error {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	err := m.want(ctx, m.abandoned, data, "/never", m.stand.home, 200)
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("a request that nobody answers: %w", err)
	}
	return nil
}

// resets asks and takes it back, ten times on a connection.
func resets(ctx context.Context, m *mix) error {
	conn, err := m.stand.way.tls(ctx, "127.0.2.5", data, "h2")
	if err != nil {
		return err
	}
	defer conn.Close()
	f := newFrames(conn, data, m.stand.home)
	if err := f.open(); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	for id := uint32(1); id < 20; id += 2 {
		if err := errors.Join(f.head(id, true), f.WriteRSTStream(id, http2.ErrCodeCancel)); err != nil {
			return err
		}
	}
	return nil
}

// frames writes HTTP/2 of its own making.
type frames struct {
	*http2.Framer
	conn   io.Writer
	enc    *hpack.Encoder
	block  strings.Builder
	host   string
	bearer string
}

func newFrames(conn io.Writer, host, bearer string) *frames {
	f := &frames{Framer: http2.NewFramer(conn, nil), conn: conn, host: host, bearer: bearer}
	f.AllowIllegalWrites = true
	f.enc = hpack.NewEncoder(&f.block)
	return f
}

// open begins a connection.
func (f *frames) open(settings ...http2.Setting) error {
	_, err := io.WriteString(f.conn, http2.ClientPreface)
	return errors.Join(err, f.WriteSettings(settings...))
}

// head writes a request, with more fields behind the usual ones.
func (f *frames) head(id uint32, ends bool, more ...string) error {
	method := http.MethodGet
	if !ends {
		method = http.MethodPost
	}
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: ends, EndHeaders: true, BlockFragment: f.fields(append([]string{
		":method", method, ":scheme", "https", ":authority", f.host, ":path", "/1024", "authorization", "Bearer " + f.bearer}, more...)...)})
}

func (f *frames) fields(list ...string) []byte {
	f.block.Reset()
	for i := 0; i < len(list); i += 2 {
		_ = f.enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]}) // a strings.Builder takes everything
	}
	return []byte(f.block.String())
}
