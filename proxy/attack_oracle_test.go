package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// oracle asserts, after one case in one way, what must hold after every case.
type oracle struct {
	t      *counted
	rig    *proxytest.Rig
	attack *attack
	board  *scorecard
	run    run
	want   []outcome
	got    sent
	values *values
}

func (o *oracle) all() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), proxytest.Patience)
	defer cancel()
	o.answers()
	if err := o.rig.Cloud.Await(ctx, ended); err != nil {
		o.t.Errorf("a request to the cloud does not end: %v", err)
	}
	seen := o.seen()
	o.origin(seen)
	for _, one := range []struct {
		name string
		ask  func()
	}{
		{"tagging", func() { o.tagging(seen) }},
		{"containment", o.containment},
		{"evidence", func() { o.evidence(ctx) }},
		{"discretion", o.discretion},
		{"guard", o.guard},
	} {
		before := o.t.errors
		one.ask()
		o.board.oracle(one.name, o.t.errors == before)
	}
}

// counted counts what is wrong, so that the scorecard can tell which oracle
// said so.
type counted struct {
	*testing.T
	errors int
}

func (c *counted) Error(args ...any) {
	c.T.Helper()
	c.errors++
	c.T.Error(args...)
}

func (c *counted) Errorf(format string, args ...any) {
	c.T.Helper()
	c.errors++
	c.T.Errorf(format, args...)
}

func ended(seen []demo.Seen) bool {
	return !slices.ContainsFunc(seen, func(s demo.Seen) bool { return !s.Ended })
}

// seen are the requests that reached an origin, less the other client's.
func (o *oracle) seen() []demo.Seen {
	return slices.DeleteFunc(o.rig.Cloud.Seen(), func(s demo.Seen) bool { return s.Header.Get(proxytest.Mark) != "" })
}

// answers compares what the client got.
func (o *oracle) answers() {
	o.t.Helper()
	if o.got.err != nil {
		o.t.Error(o.got.err)
	}
	if len(o.got.answers) != len(o.want) {
		o.t.Errorf("%d answers, want %d", len(o.got.answers), len(o.want))
		return
	}
	for i, want := range o.want {
		got := o.got.answers[i]
		if ok := o.matches(want, got); !ok {
			o.t.Errorf("answer %d: %d %s %q, want %s %d %s", i, got.Status, got.Reason(), got.Reset, want.word, want.status, want.reason)
		}
		if c := got.Header.Get("Www-Authenticate") + got.Header.Get("Proxy-Authenticate"); got.Reason() != "" && c != "" {
			o.t.Errorf("answer %d looks like a challenge: %s", i, c)
		}
	}
}

func (o *oracle) matches(want outcome, got proxytest.Answer) bool {
	switch want.word {
	case "PASS", "TUNNEL":
		decrypted := o.got.intercepted || o.attack.keys["alpn"] == "plain"
		return got.Status == want.status && got.Reason() == "" && (want.word == "PASS") == decrypted
	case "BLOCK":
		return got.Status == want.status && got.Reason() == want.reason
	case "RESET":
		return got.Status == 0 && got.Reset != ""
	default:
		return got.Status == 0 && got.Reset != ""
	}
}

// origin: whatever was not to pass has not arrived, not even in part of a
// pipeline.
func (o *oracle) origin(seen []demo.Seen) {
	o.t.Helper()
	passed := 0
	for _, w := range o.want {
		if w.word == "PASS" || w.word == "TUNNEL" {
			passed++
		}
	}
	if len(seen) != passed && o.attack.keys["origin"] != "any" {
		o.t.Errorf("%d requests reached an origin, want %d", len(seen), passed)
	}
	for _, s := range seen {
		if agent := s.Header.Get("User-Agent"); strings.HasPrefix(agent, "Go-http-client") {
			o.t.Errorf("the proxy added User-Agent: %s", agent)
		}
	}
}

// tagging (O1): exactly one policy header with exactly our value on sign-in
// hosts, none elsewhere, none in trailers.
func (o *oracle) tagging(seen []demo.Seen) {
	o.t.Helper()
	ours := "Sec-Restrict-Tenant-Access-Policy: " + demo.Home.Tag()
	for _, s := range o.rig.Cloud.Seen() {
		var want []string
		authority, err := hosts.ParseAuthority(s.Host, 443)
		if err == nil && (len(o.rig.Tags.Tags(authority.Name)) > 0 || string(authority.Name) == o.attack.keys["tagged"]) {
			want = []string{ours}
		}
		if got := s.Tags(); !slices.Equal(got, want) {
			o.t.Errorf("%s %s%s arrived with tags %q, want %q", s.Method, s.Host, s.Path, got, want)
		}
		if t := (demo.Seen{Header: s.Trailer}); len(t.Tags()) > 0 {
			o.t.Errorf("tags in trailers: %q", t.Tags())
		}
	}
}

// containment (O2): no credential that is kept out reached any origin.
func (o *oracle) containment() {
	o.t.Helper()
	if o.rig.Cloud.SawBytes(o.values.marker) {
		o.t.Error("the credential reached an origin")
	}
	if n := o.rig.Bait.Taken(); n > 0 {
		o.t.Errorf("somebody got through to a listener on loopback, %d times", n)
	}
}

// evidence (O3): every refusal left a tenant event with its reason.
func (o *oracle) evidence(ctx context.Context) {
	o.t.Helper()
	var last proxytest.Line
	for i, want := range o.want {
		if i < len(o.got.answers) && want.reason != "" && want.word != "PASS" && want.word != "TUNNEL" {
			last = o.refused(ctx, want, o.got.answers[i])
		}
	}
	if len(o.attack.events) == 0 {
		return
	}
	if last == nil {
		last = o.tenantEvent(ctx)
	}
	for _, e := range o.attack.events {
		path, want, _ := strings.Cut(e, "=")
		if got := last.Text(path); got != o.values.expand(want) {
			o.t.Errorf("event: %s is %q, want %q", path, got, want)
		}
	}
}

// refused finds the event of one refusal.
func (o *oracle) refused(ctx context.Context, want outcome, got proxytest.Answer) proxytest.Line {
	o.t.Helper()
	id := got.Header.Get("Tenantgate-Event")
	if want.word != "BLOCK" {
		event, ok := o.rig.Events.Await(ctx, func(e audit.Event) bool {
			return e.Reason == want.reason && o.from(e)
		})
		if !ok {
			o.t.Errorf("no event with reason %s", want.reason)
			return nil
		}
		if id = event.ID; event.Kind != audit.Tenant {
			return nil
		}
	}
	line, err := o.rig.Events.Line(id)
	if err != nil || line == nil {
		o.t.Errorf("event %q is not in the file: %v", id, err)
		return nil
	}
	for path, value := range map[string]string{
		"event.kind": "alert", "event.outcome": "failure", "event.reason": want.reason, "source.ip": "127.0.0.1",
		"source.port": fmt.Sprint(o.got.from.(*net.TCPAddr).Port), "tenantgate.kind": "tenant", "tenantgate.verdict": "block",
		"tenantgate.reason": want.reason, "tenantgate.home_tenant": demo.Home.ID, "tenantgate.mode": o.mode(),
	} {
		if got := line.Text(path); got != value {
			o.t.Errorf("event: %s is %q, want %q", path, got, value)
		}
	}
	return line
}

func (o *oracle) mode() string {
	if strings.Contains(o.attack.keys["policy"], "observe") {
		return "observe"
	}
	return "enforce"
}

// tenantEvent is what a request that passed left behind.
func (o *oracle) tenantEvent(ctx context.Context) proxytest.Line {
	o.t.Helper()
	event, ok := o.rig.Events.Await(ctx, func(e audit.Event) bool { return e.Kind == audit.Tenant && o.from(e) })
	line, err := o.rig.Events.Line(event.ID)
	if !ok || err != nil || line == nil {
		o.t.Errorf("no tenant event: %v", err)
	}
	return line
}

func (o *oracle) from(e audit.Event) bool {
	return int(e.Source.Port()) == o.got.from.(*net.TCPAddr).Port
}

// discretion (O3): no credential stands in the event log.
func (o *oracle) discretion() {
	o.t.Helper()
	log, err := o.rig.Events.Raw()
	if err != nil {
		o.t.Fatal(err)
	}
	for _, raw := range append(o.values.raw, o.values.marker, encode(o.values.marker)) {
		if len(raw) > 8 && bytes.Contains(log, []byte(raw)) {
			o.t.Errorf("a credential is in the event log")
		}
	}
}

// guard: nothing was dialled but the cloud's addresses and what the case names.
func (o *oracle) guard() {
	o.t.Helper()
	permitted := []netip.Prefix{netip.MustParsePrefix(demo.Addresses)}
	for _, s := range strings.Fields(o.attack.keys["dialled"]) {
		permitted = append(permitted, netip.MustParsePrefix(s+"/32"))
	}
	for _, a := range o.rig.Net.Dialled() {
		if !slices.ContainsFunc(permitted, func(p netip.Prefix) bool { return p.Contains(a.Addr()) }) {
			o.t.Errorf("%s was dialled", a)
		}
	}
}

// story tells what happened, for whoever reads a failure.
func (o *oracle) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n", o.attack.keys["id"], o.attack.keys["title"], o.attack.key("expect", o.run))
	for i, a := range o.got.answers {
		fmt.Fprintf(&b, "  answer %d: %d %q %.300s\n", i, a.Status, a.Reset, a.Body)
	}
	for _, s := range o.seen() {
		fmt.Fprintf(&b, "  origin: %s %s %s%s?%s %q tags %q\n", s.Proto, s.Method, s.Host, s.Path, s.Query, s.Header, s.Tags())
	}
	for _, e := range o.rig.Events.Given() {
		fmt.Fprintf(&b, "  event %d: %s %s %s%s %s\n", e.Kind, e.Action, e.Reason, e.Host, e.Path, e.Relation)
	}
	return b.String()
}
