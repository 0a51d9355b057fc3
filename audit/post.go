package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/setting"
)

// A poster sends batches to one HTTP address and reads the answers.
type poster struct {
	name   string
	url    string
	header http.Header
	client *http.Client
	secret []string // never told, even where the receiver says it
	last   atomic.Pointer[answer]
}

// An answer is what a receiver said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// newPoster makes a poster of o for c, the path of whose url ends in path.
func newPoster(c SinkConfig, path string, o Observer) (*poster, error) {
	u, err1 := httpURL(c)
	config, err2 := tlsConfig(c.Roots, o)
	header, err3 := headers(c.Headers)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if path != "" && !strings.HasSuffix(u.Path, path) {
		u.Path = strings.TrimSuffix(u.Path, "/") + path
	}
	p := &poster{name: c.Name, url: u.String(), header: header, client: httpClient(config)}
	for _, secret := range append(slices.Collect(maps.Values(c.Headers)), c.Token) {
		if secret != "" {
			p.secret = append(p.secret, secret)
		}
	}
	return p, nil
}

// httpClient trusts config's roots alone. It follows no redirect, which would
// take a token elsewhere, and heeds no proxy of the environment.
func httpClient(config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: config, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// httpURL reads c.URL. A secret goes over TLS, or nowhere but this machine.
func httpURL(c SinkConfig) (*url.URL, error) {
	const hint = "write https://host/path"
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return nil, setting.Errorf("url", hint, "is missing")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, setting.Errorf("url", hint, "is not an address of the web")
	case u.User != nil:
		return nil, setting.Errorf("url", "write the secret as token or in headers", "has a password in it")
	case u.Scheme == "http" && (c.Token != "" || len(c.Headers) > 0) && !loopback(u.Hostname()):
		return nil, setting.Errorf("url", hint, "would send a secret in the clear")
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tlsConfig trusts the roots in a PEM file, or the system's where there is none,
// and never those that o says are our own.
func tlsConfig(roots string, o Observer) (*tls.Config, error) {
	trust := &peer.Trust{Ours: o.Ours}
	if roots == "" {
		return trust.Config(), nil
	}
	text, err := os.ReadFile(roots)
	if err != nil {
		return nil, setting.Errorf("roots", "name a PEM file", "cannot be read: %v", errors.Unwrap(err))
	}
	if trust.Private = certificates(text); len(trust.Private) == 0 {
		return nil, setting.Errorf("roots", "name a PEM file", "has no certificate")
	}
	trust.Roots = x509.NewCertPool()
	for _, root := range trust.Private {
		trust.Roots.AddCert(root)
	}
	return trust.Config(), nil
}

func certificates(text []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, c)
		}
	}
	return all
}

func headers(given map[string]string) (http.Header, error) {
	h := http.Header{}
	var bad []error
	for name, value := range given {
		if name == "" || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n\x00") {
			bad = append(bad, setting.Errorf("headers", "write Name: value", "%q is not a header field", name))
			continue
		}
		h.Set(name, value)
	}
	return h, errors.Join(bad...)
}

func (p *poster) Name() string { return p.name }

// post sends body. The answer is there where there was one, whatever it says;
// the error is nil where it says that all is well.
func (p *poster) post(ctx context.Context, address, kind string, body []byte, more http.Header) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, &Failure{Class: Settings, Index: -1, Err: withoutURL(err)}
	}
	for _, h := range []http.Header{p.header, more} {
		for name, values := range h {
			r.Header[name] = values
		}
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("User-Agent", "tenantgate")
	resp, err := p.client.Do(r)
	if err != nil {
		return answer{}, transportFailure(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	for _, secret := range p.secret {
		text = bytes.ReplaceAll(text, []byte(secret), []byte(redacted))
	}
	a := answer{resp.StatusCode, resp.Header, text}
	p.last.Store(&a)
	if resp.StatusCode/100 == 2 {
		if err != nil {
			return a, &Failure{Class: Retry, Index: -1, Err: fmt.Errorf("read answer: %w", err)}
		}
		return a, nil
	}
	return a, a.failure()
}

// Receipt implements Receipt.
func (p *poster) Receipt() string {
	if a := p.last.Load(); a != nil {
		return a.String()
	}
	return ""
}

// String is the answer in one line: it comes from elsewhere.
func (a answer) String() string {
	text := strconv.Itoa(a.status) + " " + http.StatusText(a.status)
	if said := strings.TrimSpace(redact(string(a.body[:min(len(a.body), 300)]))); said != "" {
		text += " " + strconv.QuoteToGraphic(said)
	}
	return text
}

func (a answer) failure() *Failure {
	return &Failure{Class: classOf(a.status), After: retryAfter(a.header, time.Now()), Index: -1, Err: errors.New(a.String())}
}

// retryAfter reads Retry-After, which is seconds or a date (RFC 9110 section
// 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// transportFailure is what a request without an answer calls for. A
// certificate does not heal by itself.
func transportFailure(err error) *Failure {
	class := Retry
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, fault := errors.AsType[*peer.Fault](err)
	if unverified || fault {
		class = Settings
	}
	return &Failure{Class: class, Index: -1, Err: withoutURL(err)}
}

// withoutURL drops the address from an error of net/http: its query may be a
// secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (p *poster) Close() error {
	p.client.CloseIdleConnections()
	return nil
}
