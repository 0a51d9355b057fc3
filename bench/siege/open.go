package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// keptOpen is how many tunnels and WebSockets a soak keeps, half of each.
const keptOpen = 20

// keep keeps one open and says something on it now and then.
func (m *mix) keep(ctx context.Context, i int) {
	for ctx.Err() == nil {
		var err error
		if i%2 == 0 {
			err = m.webSocket(ctx, 1<<30)
		} else {
			err = m.openTunnel(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		m.try(ctx, "kept open", func(context.Context, *mix) error { return err })
		select {
		case <-time.After(second):
		case <-ctx.Done():
		}
	}
}

// webSocket opens one and has n messages echoed, the first at once.
func (m *mix) webSocket(ctx context.Context, n int) error {
	conn, err := m.stand.way.tls(ctx, "127.0.2.6", "h1-socket.sharepoint.com", "http/1.1")
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	lines := bufio.NewReader(conn)
	if err := upgrade(conn, lines, "h1-socket.sharepoint.com", m.stand.home); err != nil {
		return err
	}
	return echoes(ctx, conn, lines, n)
}

// upgrade makes a WebSocket of a connection.
func upgrade(conn io.Writer, answer *bufio.Reader, host, bearer string) error {
	_, err := fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host, bearer)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(answer, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("upgrade: %s", resp.Status)
	}
	return nil
}

// message is a masked text frame of a client, "hello" with a key of zeros
// (RFC 6455, 5.2). The origin sends back what comes.
var message = []byte("\x81\x85\x00\x00\x00\x00hello")

// echoes has n messages echoed, one in five seconds.
func echoes(ctx context.Context, conn net.Conn, answer io.Reader, n int) error {
	got := make([]byte, len(message))
	for range n {
		if _, err := conn.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(answer, got); err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
		select {
		case <-time.After(5 * second):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// openTunnel opens a tunnel and asks for something on it every five seconds.
func (m *mix) openTunnel(ctx context.Context) error {
	conn, err := m.stand.way.tls(ctx, "127.0.2.6", site, "http/1.1")
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	answers := bufio.NewReader(conn)
	for {
		if _, err := io.WriteString(conn, "GET /100 HTTP/1.1\r\nHost: "+site+"\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return errors.Join(err, errors.New(resp.Status))
		}
		select {
		case <-time.After(5 * second):
		case <-ctx.Done():
			return nil
		}
	}
}
