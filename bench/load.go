package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// workload is one kind of traffic.
type workload struct {
	name, unit string
	host       string
	signIns    int // one request in so many goes to the sign-in host instead; 0: none
	http2      bool
	fresh      bool // a connection for each request
	bytes      int  // of each answer
	workers    int
	share      int // requests are the common number divided by this
}

const perRequest = "µs/request"

// Mixed is what the bound is for: tags, tokens and events in one stream. One
// sign-in in ten requests is more than clients make; sign-ins alone, whose
// event is on disk before they leave, are measured beside it.
var workloads = []workload{
	{name: "keep-alive h1, mixed", unit: perRequest, host: data, signIns: 10, bytes: 1 << 10, workers: 32, share: 1},
	{name: "keep-alive h2, mixed", unit: perRequest, host: data, signIns: 10, bytes: 1 << 10, workers: 64, share: 1, http2: true},
	{name: "keep-alive h1, data", unit: perRequest, host: data, bytes: 1 << 10, workers: 32, share: 1},
	{name: "keep-alive h2, data", unit: perRequest, host: data, bytes: 1 << 10, workers: 64, share: 1, http2: true},
	{name: "keep-alive h1, sign-in", unit: perRequest, host: signIn, bytes: 1 << 10, workers: 32, share: 1},
	{name: "keep-alive h2, sign-in", unit: perRequest, host: signIn, bytes: 1 << 10, workers: 64, share: 1, http2: true},
	{name: "new connections", unit: perRequest, host: data, bytes: 1 << 10, workers: 8, share: 10, fresh: true},
	{name: "intercepted bulk", unit: "ms/100 MB", host: data, bytes: 100 << 20, workers: 1, share: 4000},
	{name: "tunnel bulk", unit: "ms/100 MB", host: site, bytes: 100 << 20, workers: 1, share: 2000},
}

// parts is how many parts a round is cut into. What else the machine does
// changes within a second, so each proxy takes a part in turn.
const parts = 20

// round starts every proxy, warms it up with as many requests, so that heaps,
// pools and connections have the size that they keep, and returns the CPU that one request
// cost each, in microseconds, or in milliseconds for bulk.
func (b *bench) round(ctx context.Context, w workload, requests int) (costs []float64, err error) {
	n := max(requests/w.share, 2)
	part := max(n/parts, 1)
	var runs []*contender
	for _, p := range proxies {
		r, err := b.enter(ctx, p.name, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		defer func() { err = errors.Join(err, r.leave()) }()
		if err := drive(ctx, r.client, w, n); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		runs = append(runs, r)
	}
	done := 0
	for ; done < n; done += part {
		for i := range runs {
			r := runs[(i+done/part)%len(runs)]
			if err := r.run(ctx, w, part); err != nil {
				return nil, fmt.Errorf("%s: %w", r.proxy.role, err)
			}
		}
	}
	scale := 1e6
	if w.unit != perRequest {
		scale = 1e3
	}
	for _, r := range runs {
		costs = append(costs, r.used/float64(done)*scale)
	}
	return costs, nil
}

// contender is a proxy with its client.
type contender struct {
	proxy  *child
	client *http.Client
	used   float64 // seconds of CPU
}

func (b *bench) enter(ctx context.Context, role string, w workload) (*contender, error) {
	b.started++
	c, err := b.start(ctx, role, b.started)
	if err != nil {
		return nil, err
	}
	client, err := b.client(c, w)
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return &contender{proxy: c, client: client}, nil
}

func (c *contender) leave() error {
	c.client.CloseIdleConnections()
	return c.proxy.stop()
}

// run sends n requests and adds what they cost.
func (c *contender) run(ctx context.Context, w workload, n int) error {
	before, err1 := c.proxy.cpu()
	err := drive(ctx, c.client, w, n)
	after, err2 := c.proxy.cpu()
	c.used += after - before
	return errors.Join(err, err1, err2)
}

// client is a client of c that trusts what it must.
func (b *bench) client(c *child, w workload) (*http.Client, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(c.ca) || !pool.AppendCertsFromPEM(b.rootPEM) {
		return nil, errors.New("no root to trust")
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!w.http2)
	protocols.SetHTTP2(w.http2)
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyURL(&url.URL{Scheme: "http", Host: c.addr}),
		TLSClientConfig:     &tls.Config{RootCAs: pool},
		Protocols:           protocols,
		DisableKeepAlives:   w.fresh,
		DisableCompression:  true,
		MaxIdleConnsPerHost: w.workers,
	}}, nil
}

// drive sends n requests.
func drive(ctx context.Context, client *http.Client, w workload, n int) error {
	var next atomic.Int64
	var g errgroup.Group
	for range w.workers {
		g.Go(func() error {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := get(ctx, client, w.of(int(i))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// of is w as its request i has it.
func (w workload) of(i int) workload {
	if w.signIns > 0 && i%w.signIns == 0 {
		w.host = signIn
	}
	return w
}

func get(ctx context.Context, client *http.Client, w workload) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s/%d", w.host, w.bytes), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36")
	r.Header.Set("Accept", "application/json")
	if w.host == data {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || got != int64(w.bytes)) {
		err = fmt.Errorf("answer %d with %d bytes", resp.StatusCode, got)
	}
	return err
}

// The home tenant of the run.
const (
	homeTenant = "11111111-1111-1111-1111-111111111111"
	homePolicy = "22222222-2222-2222-2222-222222222222"
)

// bearer is a home token of the size that Graph's have, about 2 KB. Nobody
// checks its signature: neither does the proxy.
var bearer = func() string {
	encode := base64.RawURLEncoding.EncodeToString
	padding := make([]byte, 700)
	claims := fmt.Sprintf(`{"aud":"https://graph.microsoft.com","iss":"https://sts.windows.net/%s/","exp":4102444800,"appid":"%s","upn":"alice@contoso.com","oid":"%s","tid":"%s","ver":"1.0","xms_pad":"%s"}`,
		homeTenant, homePolicy, homePolicy, homeTenant, encode(padding))
	return encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"bench"}`)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 256))
}()
