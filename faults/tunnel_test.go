package faults_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// keepTunnel has a tunnel to a site that nobody restricts, and says something
// in it twice a second. A tunnel that broke is made again.
func (l *load) keepTunnel(ctx context.Context, i int) {
	every := time.NewTicker(500 * time.Millisecond)
	defer every.Stop()
	for ctx.Err() == nil {
		c, err := l.openTunnel(ctx, net.IPv4(127, 0, 3, byte(1+i%250)))
		if err == nil {
			l.opened.Add(1)
			l.tunnels.Add(1)
			err = l.talk(ctx, c, every.C)
			l.tunnels.Add(-1)
		}
		if err != nil && ctx.Err() == nil {
			l.count(tunnel, "broken: "+short(err), "")
			select {
			case <-every.C:
			case <-ctx.Done():
			}
		}
	}
}

// openTunnel connects through the proxy; the TLS inside is the site's own.
func (l *load) openTunnel(ctx context.Context, from net.IP) (net.Conn, error) {
	d := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: from}}
	c, err := d.DialContext(ctx, "tcp", proxyAddr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	resp, err := connect(c, siteHost+":443")
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("refused: %d %s", resp.StatusCode, resp.Header.Get("Tenantgate-Reason"))
	}
	inner := tls.Client(c, l.verified(siteHost))
	if err == nil {
		err = inner.Handshake()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	_ = c.SetDeadline(time.Time{})
	return inner, nil
}

// connect asks for a tunnel. Nothing comes after the answer before the client
// has spoken, so that the reader may be thrown away.
func connect(c net.Conn, target string) (*http.Response, error) {
	if _, err := fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", target); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
}

// talk says something and wants it back, until ctx ends or it does not come.
func (l *load) talk(ctx context.Context, c net.Conn, when <-chan time.Time) error {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	for n := 0; ; n++ {
		if err := echoed(c, fmt.Sprint("line ", n)); err != nil {
			return err
		}
		l.count(tunnel, "ok", "")
		select {
		case <-when:
		case <-ctx.Done():
			return nil
		}
	}
}

// echoed sends a line and wants it back.
func echoed(c net.Conn, text string) error {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintln(c, text); err != nil {
		return err
	}
	got, err := line(c)
	if err == nil && got != text+"\n" {
		err = fmt.Errorf("the site said %q", got)
	}
	return err
}
