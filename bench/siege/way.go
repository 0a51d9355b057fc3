package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// way is how clients get to the proxy, and what they trust there.
type way struct {
	proxy string
	pem   []byte
	roots *x509.CertPool
}

func newWay(proxy string, pem []byte) (way, error) {
	w := way{proxy: proxy, pem: pem, roots: x509.NewCertPool()}
	if !w.roots.AppendCertsFromPEM(pem) {
		return w, errors.New("no root to trust")
	}
	return w, nil
}

// dialer connects from an address of loopback: budgets are by address.
func dialer(from string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second, KeepAlive: -1}
}

// errRefused is an answer to CONNECT that is not 200.
var errRefused = errors.New("refused")

// connect asks for a tunnel.
func (w way) connect(ctx context.Context, from, host string) (net.Conn, error) {
	conn, err := dialer(from).DialContext(ctx, "tcp", w.proxy)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, head(host)); err != nil {
		conn.Close()
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), &http.Request{Method: http.MethodConnect})
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %d %s", errRefused, resp.StatusCode, resp.Header.Get("Tenantgate-Reason"))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func head(host string) string {
	return "CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n\r\n"
}

// tls is connect and a handshake.
func (w way) tls(ctx context.Context, from, host string, alpn ...string) (*tls.Conn, error) {
	conn, err := w.connect(ctx, from, host)
	if err != nil {
		return nil, err
	}
	c := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: w.roots, NextProtos: alpn})
	if err := c.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// client is an HTTP client at that address.
func (w way) client(from string, http2, keep bool) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyURL(&url.URL{Scheme: "http", Host: w.proxy}),
		DialContext:         dialer(from).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: w.roots},
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           protocols,
		DisableKeepAlives:   !keep,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 256,
	}}
}

// request makes one with a bearer; none if it is empty.
func request(ctx context.Context, method, host, path, bearer string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://"+host+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36")
	r.Header.Set("Accept", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r, nil
}

// ask sends r and reads the answer.
func ask(c *http.Client, r *http.Request) (status int, reason string, err error) {
	a, err := answer(c, r)
	return a.status, a.reason, err
}

// answered is an answer, and what a refusal says of itself.
type answered struct {
	status        int
	reason, event string
}

func answer(c *http.Client, r *http.Request) (answered, error) {
	resp, err := c.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return answered{resp.StatusCode, resp.Header.Get("Tenantgate-Reason"), resp.Header.Get("Tenantgate-Event")}, err
}
