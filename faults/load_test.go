package faults_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kind is one thing that clients do.
type kind string

const (
	home    kind = "our own request"
	foreign kind = "replayed token"
	signIn  kind = "sign-in"
	fresh   kind = "request to a new host"
	tunnel  kind = "tunnel"
	unheard kind = "request to a host of its own" // one that no connection is open to; in no mix
)

// kinds are what a probe tries, all of them.
var kinds = []kind{home, foreign, signIn, fresh, tunnel}

// mix is what twenty requests are.
var mix = [20]kind{
	home, home, foreign, home, signIn, home, home, foreign, home, home,
	signIn, home, foreign, home, home, signIn, foreign, home, fresh, foreign,
}

// mostOpen bounds the requests under way; beyond it none are sent.
const mostOpen = 600

// clientsOf the load: no multiple of 2 or 5, so that each does everything that is in the mix.
const clientsOf = 31

func token(tenant, signature string) string {
	part := base64.RawURLEncoding.EncodeToString
	payload := fmt.Sprintf(`{"aud":"https://graph.microsoft.com","iss":"https://sts.windows.net/%[1]s/","tid":"%[1]s","appid":"04b07795-8ddb-461a-bbee-02f9e1bf7b46","upn":"somebody@example.org","exp":%d}`,
		tenant, time.Now().Add(60*24*time.Hour).Unix())
	return part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part([]byte(payload)) + "." + signature
}

// load is many clients who keep a list of their own of what they were answered.
type load struct {
	t     *testing.T
	scale scale
	roots atomic.Pointer[x509.CertPool]
	skew  atomic.Int64 // how far the clients' clocks are off

	clients atomic.Pointer[[]*http.Client]
	tokens  map[kind]string
	number  atomic.Int64
	open    atomic.Int64
	tunnels atomic.Int64 // open now
	opened  atomic.Int64 // ever
	paused  atomic.Bool

	mu     sync.Mutex
	counts map[kind]map[string]int
	errors map[string]error // the first one of each outcome, whole
	events []string         // ids that refusals named
	wrong  []string         // what must not happen whatever is broken

	stop context.CancelFunc
	all  sync.WaitGroup
}

func newLoad(t *testing.T, s scale) *load {
	return &load{t: t, scale: s, counts: map[kind]map[string]int{}, errors: map[string]error{}, tokens: map[kind]string{
		home: token(homeTenant, "c2lnbmF0dXJl"), fresh: token(homeTenant, "c2lnbmF0dXJl"), unheard: token(homeTenant, "c2lnbmF0dXJl"), foreign: token(foreignTenant, foreignMark),
	}}
}

// trust reads the CAs that clients trust: those of the program and of the
// origins, beside what they trusted before.
func (l *load) trust(state string) {
	l.t.Helper()
	pool := x509.NewCertPool()
	if old := l.roots.Load(); old != nil {
		pool = old.Clone()
	}
	for _, name := range []string{"ca.crt", "ca.next.crt"} {
		if pem, err := os.ReadFile(filepath.Join(state, "ca", name)); err == nil {
			pool.AppendCertsFromPEM(pem)
		}
	}
	ca, err := origins()
	if err != nil {
		l.t.Fatal(err)
	}
	pool.AddCert(ca.cert)
	l.roots.Store(pool)
}

// now is the clients' clock.
func (l *load) now() time.Time { return time.Now().Add(time.Duration(l.skew.Load())) }

// verified is a configuration that trusts what is trusted when it is used.
func (l *load) verified(name string, protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: l.roots.Load(), ServerName: name, Time: l.now, NextProtos: protocols}
}

// client is the i-th: explicit or steered, HTTP/1.1 or HTTP/2, each from an
// address of its own. As browsers do, it has one connection of HTTP/2 with a
// host, or six of HTTP/1.1; whatever has none waits for one.
func (l *load) client(i int) *http.Client {
	from := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(1+i%250))}}
	tr := &http.Transport{DialContext: from.DialContext, MaxConnsPerHost: 6, MaxIdleConnsPerHost: 6, TLSHandshakeTimeout: 10 * time.Second}
	if i%2 == 0 {
		tr.ForceAttemptHTTP2, tr.MaxConnsPerHost = true, 1
	} else {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetHTTP1(true)
	}
	if i%4 >= 2 {
		tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return from.DialContext(ctx, network, steeredAddr)
		}
	} else {
		tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: proxyAddr})
	}
	tr.TLSClientConfig = l.verified("")
	c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	if !l.scale.full { // a machine that has other things to do
		tr.TLSHandshakeTimeout, c.Timeout = patience, patience
	}
	return c
}

// begin starts clients and tunnels. It ends with end, or the test.
func (l *load) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.forget()
	l.all.Go(func() { l.pace(ctx) })
	for i := range l.scale.tunnels {
		l.all.Go(func() { l.keepTunnel(ctx, i) })
	}
	l.t.Cleanup(l.end)
}

// end stops the load and waits for what is under way.
func (l *load) end() {
	l.stop()
	l.all.Wait()
	l.forget()
}

// forget has clients begin anew, with what they trust now.
func (l *load) forget() {
	var all []*http.Client
	for i := range clientsOf {
		all = append(all, l.client(i))
	}
	if old := l.clients.Swap(&all); old != nil {
		for _, c := range *old {
			c.CloseIdleConnections()
		}
	}
}

// pace sends requests at the rate of the scale, whether or not they are
// answered.
func (l *load) pace(ctx context.Context) {
	const tick = 10 * time.Millisecond
	every := time.NewTicker(tick)
	defer every.Stop()
	owed := 0.0
	for i := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if l.paused.Load() {
			continue
		}
		for owed += float64(l.scale.rate) * tick.Seconds(); owed >= 1; owed-- {
			i++
			if l.open.Load() >= mostOpen {
				l.count("held back", "", "")
				continue
			}
			clients := *l.clients.Load()
			k, c := mix[i%len(mix)], clients[i%len(clients)]
			l.open.Add(1)
			l.all.Go(func() {
				defer l.open.Add(-1)
				l.count(l.ask(k, c))
			})
		}
	}
}

// ask sends one request and tells what came: "ok" if it is what must come when
// nothing is broken.
func (l *load) ask(k kind, c *http.Client) (kind, string, string) {
	n := l.number.Add(1)
	host, path, method, body := graphHost, "/v1.0/me", http.MethodGet, io.Reader(nil)
	switch {
	case k == signIn:
		host, path = signInHost, "/common/oauth2/v2.0/authorize"
	case k == fresh:
		host = fmt.Sprintf("h%d.faults.test", n%400)
	case k == unheard:
		host = fmt.Sprintf("n%d.faults.test", n)
	case n%4 == 0:
		method, body = http.MethodPost, strings.NewReader(`{"displayName":"a body"}`)
	}
	req, err := http.NewRequest(method, fmt.Sprintf("https://%s%s?n=%d", host, path, n), body)
	if err != nil {
		return k, err.Error(), ""
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if text := l.tokens[k]; text != "" {
		req.Header.Set("Authorization", "Bearer "+text)
	}
	if k == fresh {
		req.Close = true
	}
	resp, err := c.Do(req)
	if err != nil {
		return k, l.failure("no answer: ", err), ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return k, l.failure("cut: ", err), ""
	}
	return k, l.judge(k, resp, string(text), n), resp.Header.Get("Tenantgate-Event")
}

// judge tells what an answer is, and keeps what it must never be.
func (l *load) judge(k kind, resp *http.Response, text string, n int64) string {
	reason := resp.Header.Get("Tenantgate-Reason")
	switch {
	case k == foreign && reason == "external-account" && resp.StatusCode == http.StatusForbidden:
		return "ok"
	case k == foreign && reason == "":
		l.fault("a replayed token was answered %d %q", resp.StatusCode, text)
		return "let through"
	case reason != "":
		return fmt.Sprint("refused: ", resp.StatusCode, " ", reason)
	case resp.StatusCode == http.StatusOK && text == fmt.Sprintf("answer %d\n", n):
		return "ok"
	case resp.StatusCode == http.StatusOK:
		l.fault("request %d was answered %q: not whole, or somebody else's", n, text)
		return "mixed up"
	}
	return fmt.Sprint("answered: ", resp.StatusCode)
}

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// unrecorded are refusals that say that there is no event, or that may be shed.
var unrecorded = []string{"not-recorded", "overloaded"}

func (l *load) count(k kind, outcome, event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[k] == nil {
		l.counts[k] = map[string]int{}
	}
	l.counts[k][outcome]++
	if event != "" && !slices.ContainsFunc(unrecorded, func(r string) bool { return strings.HasSuffix(outcome, r) }) {
		l.events = append(l.events, event)
	}
}

// failure is an outcome; what it was at first is kept whole.
func (l *load) failure(what string, err error) string {
	outcome := what + short(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.errors[outcome]; !known {
		l.errors[outcome] = fmt.Errorf("%s %w", time.Now().Format(time.TimeOnly), err)
	}
	return outcome
}

// short is an error without what differs from one to the next.
func short(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, ": "); at >= 0 {
		text = text[at+2:]
	}
	return text
}

// failed counts requests and tunnels that did not end as they must.
func (l *load) failed() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, outcomes := range l.counts {
		for outcome, times := range outcomes {
			if outcome != "ok" {
				n += times
			}
		}
	}
	return n
}

// asked counts requests that were answered somehow.
func (l *load) asked() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, outcomes := range l.counts {
		for _, times := range outcomes {
			n += times
		}
	}
	return n
}

// String is the list, one kind after the other.
func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(l.counts)) {
		for _, outcome := range slices.Sorted(maps.Keys(l.counts[k])) {
			fmt.Fprintf(&b, "  %s: %d %s\n", k, l.counts[k][outcome], outcome)
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(l.errors)) {
		fmt.Fprintf(&b, "  %s was at first: %v\n", outcome, l.errors[outcome])
	}
	return b.String()
}
