package signals

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

const ours = "home"

// request is the event of one on a data host with a credential.
func request(kind, tenant, verdict string) *audit.Event {
	return &audit.Event{
		Kind: audit.Access, ID: "id", Host: "graph.example", Plane: "data", Verdict: verdict, HomeTenant: ours, Action: "request-forwarded",
		Credentials: []audit.Credential{{Place: "authorization", Kind: kind, Tenant: tenant}},
	}
}

// signIn is the event of an answer of a sign-in host.
func signIn(place, tenant, verdict string) *audit.Event {
	e := request("jwt", tenant, verdict)
	e.Host, e.Plane, e.SignIn.Flow = "login.example", "auth", "code"
	e.Credentials[0].Place = place
	return e
}

func connection(action, host, reason string) *audit.Event {
	return &audit.Event{Kind: audit.Access, ID: "id", Host: host, Plane: "data", Action: action, Reason: reason, Verdict: "intercept", HomeTenant: ours}
}

func failed(host, fault, hello string) *audit.Event {
	e := connection("connection-intercepted", host, string(policy.ClientTLSFailed))
	e.Close, e.ClientHello = fault, hello
	return e
}

// scene is what a line of a story makes a Watch see.
var scenes = map[string]func(of string) *audit.Event{
	"token":    func(of string) *audit.Event { return request("jwt", of, "forward") },
	"refused":  func(of string) *audit.Event { return request("jwt", of, "block") },
	"declined": func(of string) *audit.Event { return request("jwt", of, "block") },
	"opaque":   func(string) *audit.Event { return request("opaque", "", "forward") },
	"cookie":   func(of string) *audit.Event { return request("session", of, "forward") },
	"issued":   func(of string) *audit.Event { return signIn("response", of, "forward") },
	"withheld": func(of string) *audit.Event { return signIn("response", of, "block") },
	"visit":    func(of string) *audit.Event { return signIn("query", of, "forward") },
	"tags": func(of string) *audit.Event {
		e := connection("request-blocked", of, "sign-in")
		e.ClientTags = []string{"sec-Restrict-Tenant-Access-Policy"}
		return e
	},
	"intercept": func(of string) *audit.Event { return connection("connection-intercepted", of, "restricted-host") },
	"tunnel": func(of string) *audit.Event {
		e := connection("connection-tunnelled", of, "unlisted-host")
		e.Plane = "other"
		return e
	},
	"alert":   func(of string) *audit.Event { return failed(of, "tls: unknown certificate authority", "t13") },
	"hangup":  func(of string) *audit.Event { return failed(of, "client closed", "t13") },
	"timeout": func(of string) *audit.Event { return failed(of, "timed out", "t13") },
	"nothing": func(of string) *audit.Event { return failed(of, "client closed", "") },
	"version": func(of string) *audit.Event { return failed(of, "tls: protocol version not supported", "t10") },
}

// A stage is a Watch with what it told.
type stage struct {
	t    *testing.T
	w    *Watch
	told []string
}

func (s *stage) see(from string, e *audit.Event) {
	s.t.Helper()
	e.Source = netip.AddrPortFrom(netip.MustParseAddr(from), 50000)
	for _, signal := range s.w.See(e) {
		s.told = append(s.told, signal.Reason)
	}
}

// line plays one line of a story: what it says happens, and nothing else.
func (s *stage) line(text string) {
	s.t.Helper()
	text, want, _ := strings.Cut(text, "=>")
	f := strings.Fields(text)
	pause, err := time.ParseDuration(f[0])
	if err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(pause)
	s.told = nil
	if f[2] == "work" {
		s.work(f[1], f[3:len(f)-1], f[len(f)-1])
	} else {
		s.see(f[1], scenes[f[2]](f[3]))
	}
	if diff := cmp.Diff(strings.Fields(want), s.told, cmp.Transformer("empty", func(l []string) string { return fmt.Sprint(l) })); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", text, diff)
	}
}

// work has several clients use hosts once an hour, for some hours.
func (s *stage) work(clients string, hosts []string, hours string) {
	from, to, _ := strings.Cut(clients[len("10.0.0."):], "-")
	low, _ := strconv.Atoi(from)
	high, _ := strconv.Atoi(to)
	n, _ := strconv.Atoi(strings.TrimPrefix(hours, "x"))
	for hour := range n {
		if hour > 0 {
			time.Sleep(time.Hour)
		}
		for i := low; i <= max(low, high); i++ {
			for _, host := range hosts {
				s.see(fmt.Sprintf("10.0.0.%d", i), connection("connection-intercepted", host, "restricted-host"))
			}
		}
	}
}

func TestEachStoryHasItsSignals(t *testing.T) {
	text, err := os.ReadFile("testdata/stories.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, story := range strings.Split(string(text), "\n== ")[1:] {
		name, lines, _ := strings.Cut(story, "\n")
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stage{t: t, w: New(Config{Window: 8 * time.Hour})}
				for line := range strings.Lines(lines) {
					if strings.TrimSpace(line) != "" {
						s.line(line)
					}
				}
			})
		})
	}
}

func TestASignalIsATenantEventThatNamesWhatGaveRiseToIt(t *testing.T) {
	w := New(Config{})
	e := request("jwt", "fabrikam", "block")
	e.Source, e.Host, e.User, e.Status, e.Denied = netip.MustParseAddrPort("10.0.0.7:1"), "graph.example", "anna", 403, true
	got := w.See(e)
	if len(got) != 1 {
		t.Fatalf("%d signals", len(got))
	}
	want := *e
	want.Kind, want.ID, want.For, want.Status, want.Denied = audit.Tenant, "", "id", 0, false
	want.Category, want.Type = []string{"network", "intrusion_detection"}, []string{"info"}
	want.Action, want.Reason, want.Unknown, want.ResourceTenant = Action, "token-without-sign-in", true, "fabrikam"
	if diff := cmp.Diff(&want, got[0], cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("signal (-want +got):\n%s", diff)
	}
	if again := w.See(got[0]); again != nil {
		t.Errorf("a signal gave rise to %v", again)
	}
	if s := w.Stats(); s.Told[policy.TokenWithoutSignIn] != 1 || s.Clients != 1 || s.Forgotten != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatNobodyWantsIsNotTold(t *testing.T) {
	w := New(Config{Off: []string{"token-without-sign-in"}})
	e := request("jwt", "fabrikam", "block")
	e.Source = netip.MustParseAddrPort("10.0.0.7:1")
	if got := w.See(e); got != nil || w.Stats().Told[policy.TokenWithoutSignIn] != 0 {
		t.Errorf("told %v", got)
	}
}

func TestMemoryIsBoundedAndSaysWhatItForgot(t *testing.T) {
	w := New(Config{})
	for i := range maxClients + 10 {
		for _, tenant := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
			e := request("jwt", tenant, "block")
			e.Host = fmt.Sprintf("h%d.example", i)
			e.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
			w.See(e)
		}
	}
	if s := w.Stats(); s.Clients != maxClients || s.Forgotten != 10 || len(w.hosts.known) != maxHosts {
		t.Errorf("%d clients, %d forgotten, %d hosts", s.Clients, s.Forgotten, len(w.hosts.known))
	}
	if n := len(w.clients.newest.value.foreign); n != maxForeign {
		t.Errorf("%d tenants of one client", n)
	}
	if first := netip.AddrFrom4([4]byte{10}); w.clients.get(first) != nil {
		t.Errorf("%s is still known", first)
	}
}

func TestTheTableForgetsTheLeastRecent(t *testing.T) {
	one := table[string, int]{limit: 3}
	for _, key := range strings.Fields("a b c a b d a e") {
		*one.of(key, 1, 1)++
	}
	got := map[string]int{}
	for key, e := range one.known {
		got[key] = e.value
	}
	if diff := cmp.Diff(map[string]int{"a": 3, "d": 1, "e": 1}, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if one.forgotten != 2 {
		t.Errorf("%d forgotten", one.forgotten)
	}
}

func TestSettingsThatCannotBeAreTold(t *testing.T) {
	if err := (Config{Window: time.Hour, Off: []string{"ca-not-trusted"}}).Check(); err != nil {
		t.Error(err)
	}
	err := Config{Window: -time.Hour, Off: []string{"everything"}}.Check()
	if err == nil || !strings.Contains(err.Error(), "window") || !strings.Contains(err.Error(), "off[0]") {
		t.Errorf("Check = %v", err)
	}
}

func TestSeeingTheSameAgainAllocatesNothing(t *testing.T) {
	w := New(Config{})
	events := repeated()
	for _, e := range events {
		w.See(e)
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range events {
			w.See(e)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// repeated is what a client does all day.
func repeated() []*audit.Event {
	all := []*audit.Event{
		request("jwt", ours, "forward"), request("jwt", "fabrikam", "block"), signIn("response", "fabrikam", "forward"),
		connection("connection-intercepted", "graph.example", "restricted-host"), connection("connection-tunnelled", "www.example", "unlisted-host"),
	}
	for _, e := range all {
		e.Source = netip.MustParseAddrPort("10.0.0.7:50000")
	}
	return all
}

// The cost of one event, among as many clients as are remembered.
func BenchmarkSee(b *testing.B) {
	w := New(Config{})
	for i := range maxClients {
		e := request("jwt", ours, "forward")
		e.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1)
		w.See(e)
	}
	e := request("jwt", ours, "forward")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8 & 63), byte(i)}), 1)
		w.See(e)
	}
}

func BenchmarkSeeInParallel(b *testing.B) {
	w := New(Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		events := repeated()
		for i := 0; pb.Next(); i++ {
			w.See(events[i%len(events)])
		}
	})
}
