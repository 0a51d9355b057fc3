package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
)

// pressure is clients that replay a foreign token, so that each request has
// one answer, 403, and leaves an event. None of them sends a request again:
// what is lost is seen.
type pressure struct {
	t     *testing.T
	proxy string
	trust *x509.CertPool
	token string

	mu     sync.Mutex
	ids    []string // of the events that answers named
	failed []string
}

// clients are the ways in which a request gets to the proxy.
var clients = []struct {
	name  string
	begin func(*pressure) (ask func() (*http.Response, error), end func())
}{
	{"kept alive", (*pressure).keptAlive},
	{"a new connection each", (*pressure).alwaysNew},
	{"HTTP/2", (*pressure).overHTTP2},
}

func newPressure(t *testing.T, dir, proxy string) *pressure {
	t.Helper()
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	pem, err := os.ReadFile(filepath.Join(dir, "state/ca/ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	p := &pressure{t: t, proxy: proxy, trust: x509.NewCertPool(), token: cloud.Mint(demo.Spec{Tenant: foreignTenant})}
	p.trust.AppendCertsFromPEM(pem)
	return p
}

// run asks at that rate, shared by the ways, until ctx ends.
func (p *pressure) run(ctx context.Context, rate int) {
	const each = 4 // clients of a way
	var all sync.WaitGroup
	pace := time.Second * time.Duration(each*len(clients)) / time.Duration(rate)
	for _, way := range clients {
		for range each {
			all.Go(func() {
				ask, end := way.begin(p)
				defer end()
				tick := time.NewTicker(pace)
				defer tick.Stop()
				for ctx.Err() == nil {
					p.count(way.name, ask)
					select {
					case <-tick.C:
					case <-ctx.Done():
					}
				}
			})
		}
	}
	all.Wait()
}

func (p *pressure) count(way string, ask func() (*http.Response, error)) {
	resp, err := ask()
	id := ""
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		id = resp.Header.Get("Tenantgate-Event")
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Tenantgate-Reason") != "external-account" {
			err = errors.Join(err, fmt.Errorf("%s, %s", resp.Status, resp.Header.Get("Tenantgate-Reason")))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != "" {
		p.ids = append(p.ids, id)
	}
	if err != nil {
		p.failed = append(p.failed, way+": "+err.Error())
	}
}

// answered is how many requests were, so far.
func (p *pressure) answered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ids)
}

const target = "graph.microsoft.com"

func (p *pressure) request() *http.Request {
	body := strings.NewReader(`{"displayName":"x"}`)
	r, _ := http.NewRequest(http.MethodPost, "https://"+target+"/v1.0/groups", io.NopCloser(body)) // a POST that net/http cannot send again
	r.ContentLength = int64(body.Len())
	r.Header.Set("Authorization", "Bearer "+p.token)
	return r
}

// open is a connection to the origin through the proxy, speaking proto.
func (p *pressure) open(proto string) (*tls.Conn, error) {
	raw, err := net.Dial("tcp", p.proxy)
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(busyPatience))
	if _, err := io.WriteString(raw, "CONNECT "+target+":443 HTTP/1.1\r\nHost: "+target+":443\r\n\r\n"); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	resp, err := http.ReadResponse(bufio.NewReader(raw), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(errors.New(resp.Status), raw.Close())
	}
	c := tls.Client(raw, &tls.Config{RootCAs: p.trust, ServerName: target, NextProtos: []string{proto}})
	if err := c.Handshake(); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return c, nil
}

// exchange sends a request over c and reads the answer whole.
func (p *pressure) exchange(c *tls.Conn, in *bufio.Reader) (*http.Response, error) {
	_ = c.SetDeadline(time.Now().Add(busyPatience))
	r := p.request()
	if err := r.Write(c); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(in, r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return resp, err
}

// keptAlive goes on with a connection until an answer says that it ends.
func (p *pressure) keptAlive() (func() (*http.Response, error), func()) {
	var c *tls.Conn
	var in *bufio.Reader
	end := func() {
		if c != nil {
			c.Close()
			c = nil
		}
	}
	return func() (resp *http.Response, err error) {
		if c == nil {
			if c, err = p.open("http/1.1"); err != nil {
				c = nil
				return nil, err
			}
			in = bufio.NewReader(c)
		}
		resp, err = p.exchange(c, in)
		if err != nil || resp.Close {
			end()
		}
		return resp, err
	}, end
}

func (p *pressure) alwaysNew() (func() (*http.Response, error), func()) {
	return func() (*http.Response, error) {
		c, err := p.open("http/1.1")
		if err != nil {
			return nil, err
		}
		defer c.Close()
		return p.exchange(c, bufio.NewReader(c))
	}, func() {}
}

// overHTTP2 goes on until it is told to go.
func (p *pressure) overHTTP2() (func() (*http.Response, error), func()) {
	t := &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
		c, err := p.open("h2")
		if err == nil {
			_ = c.SetDeadline(time.Time{})
		}
		return c, err
	}, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP2(true)
	return func() (*http.Response, error) { return t.RoundTrip(p.request()) }, t.CloseIdleConnections
}

// check tells what was lost: requests, and events of requests that were answered.
func (p *pressure) check(file string) (asked, failed int) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, seq := map[string]int{}, 0.0
	for _, e := range events(p.t, file) {
		own := e["tenantgate"].(map[string]any)
		seen[e["event"].(map[string]any)["id"].(string)]++
		if n := own["seq"].(float64); n != seq+1 {
			p.t.Errorf("after event %v comes %v", seq, n)
		}
		seq = own["seq"].(float64)
	}
	for _, id := range p.ids {
		if seen[id] != 1 {
			p.t.Errorf("the event %s of an answer is there %d times", id, seen[id])
		}
	}
	for _, f := range p.failed[:min(len(p.failed), 10)] {
		p.t.Error(f)
	}
	return len(p.ids) + len(p.failed), len(p.failed)
}
