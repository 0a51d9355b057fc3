package demo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answer is what came back through the proxy, and what the cloud saw of it.
type answer struct {
	status int
	header http.Header
	body   []byte
	issuer string // the root of the certificate that the client was shown
	seen   []Seen
}

// json returns the members of a JSON answer; nil if it is none.
func (a *answer) json() map[string]any {
	m := map[string]any{}
	if json.Unmarshal(a.body, &m) != nil {
		return nil
	}
	return m
}

// send sends one request through the proxy as a client of its own, waits for
// its event, and fills in what the step shows. as says who asks.
func (w *walk) send(ctx context.Context, s *step, r *http.Request, as string) (*answer, error) {
	s.sent = fmt.Sprintf("%s %s%s, %s", r.Method, r.URL.Host, r.URL.Path, as)
	known, err := w.events()
	if err != nil {
		return nil, err
	}
	w.Cloud.Reset()
	a, err := w.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, seen := range w.Cloud.Seen() {
		if seen.Host == r.URL.Host {
			a.seen = append(a.seen, seen)
		}
	}
	s.answer, s.origin = w.describe(a), describeSeen(a.seen)
	if s.event, err = w.await(ctx, known, r.URL, a.header.Get("Tenantgate-Event")); err != nil {
		return a, err
	}
	return a, nil
}

// exchange uses a connection for this request alone, so that a tunnel ends,
// and its event is written, with it.
func (w *walk) exchange(ctx context.Context, r *http.Request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	transport := &http.Transport{
		Proxy:             http.ProxyURL(w.proxy),
		TLSClientConfig:   &tls.Config{RootCAs: w.Roots},
		ForceAttemptHTTP2: true,
		// What CONNECT was refused with is an answer as any other here.
		OnProxyConnectResponse: refusedConnect,
	}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r.WithContext(ctx))
	if refused, ok := errors.AsType[*connectRefused](err); ok {
		return &answer{status: refused.status, header: refused.header}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	a := &answer{status: response.StatusCode, header: response.Header, body: body}
	if t := response.TLS; t != nil && len(t.VerifiedChains) > 0 {
		chain := t.VerifiedChains[0]
		a.issuer = chain[len(chain)-1].Subject.CommonName
	}
	return a, nil
}

// connectRefused is an answer to CONNECT that is not a tunnel.
type connectRefused struct {
	status int
	header http.Header
}

func (c *connectRefused) Error() string { return fmt.Sprintf("CONNECT was answered with %d", c.status) }

func refusedConnect(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &connectRefused{status: answer.StatusCode, header: answer.Header}
}

// describe says in one line what came back.
func (w *walk) describe(a *answer) string {
	line := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if reason := a.header.Get("Tenantgate-Reason"); reason != "" {
		return line + ", by the proxy: " + reason
	}
	m := a.json()
	switch {
	case text(m, "error_description") != "":
		what, _, _ := strings.Cut(text(m, "error_description"), "\r\n")
		return line + ", by the cloud: " + what
	case text(m, "access_token") != "":
		claims, err := readToken(text(m, "access_token"))
		if err != nil {
			return line + ", a token that the cloud did not sign"
		}
		return line + ", a token of tenant " + short(text(claims, "tid"))
	case text(m, "userPrincipalName") != "":
		return line + ", the profile of " + text(m, "userPrincipalName")
	}
	return line
}

// describeSeen says in one line what the cloud saw.
func describeSeen(seen []Seen) string {
	if len(seen) == 0 {
		return "not reached"
	}
	tags := seen[0].Tags()
	if len(tags) == 0 {
		return "reached, tag: no"
	}
	_, value, _ := strings.Cut(tags[0], ": ")
	tenant, policy, _ := strings.Cut(value, ":")
	return fmt.Sprintf("reached, tag: yes, tenant %s policy %s", short(tenant), short(policy))
}

// short is the beginning of a GUID, enough to tell it from others.
func short(id string) string {
	if len(id) == 36 {
		return id[:8]
	}
	return id
}
