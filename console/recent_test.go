package console

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
)

func TestSignInsDoNotPushRefusalsOut(t *testing.T) {
	r := NewRecent(audit.Observer{})
	refused := refusal()
	refused.ID = "the-refusal"
	r.Add(refused)
	start := time.Now()
	for i := range 3 * maxEvents {
		e := signIn()
		e.Seq = uint64(i + 2)
		e.Time = start.Add(time.Duration(i) * passingEvery)
		r.Add(e)
	}
	all := r.entries()
	if len(all) != maxEvents+1 || all[len(all)-1].id != "the-refusal" {
		t.Errorf("%d events are remembered, the oldest is %q", len(all), all[len(all)-1].id)
	}
	if all[0].seq != 3*maxEvents+1 {
		t.Errorf("the newest is number %d", all[0].seq)
	}
}

func TestABurstOfSignInsIsRememberedInPart(t *testing.T) {
	r, start := NewRecent(audit.Observer{}), time.Now()
	for i := range 1000 {
		e := signIn()
		e.Time = start.Add(time.Duration(i) * time.Millisecond)
		r.Add(e)
		r.Add(refusal())
	}
	if passed := len(r.passing.entries); passed != 50 {
		t.Errorf("%d of a second's sign-ins are remembered, want 50", passed)
	}
	if refused := len(r.alerts.entries); refused != 1000 {
		t.Errorf("%d of 1000 refusals are remembered", refused)
	}
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	r := NewRecent(audit.Observer{})
	for range maxEvents {
		e := refusal()
		e.UserAgent, e.Path = strings.Repeat("\x01", 100_000), "/"+strings.Repeat("\x02", 100_000)
		r.Add(e)
	}
	size := 0
	for _, e := range r.entries() {
		size += len(e.line)
	}
	if size > maxBytes || size < maxBytes/2 {
		t.Errorf("%d bytes are remembered, want at most %d", size, maxBytes)
	}
}

func TestEachVerdictIsCountedOnce(t *testing.T) {
	r := NewRecent(audit.Observer{})
	passed := signIn()
	passed.ID = "1"
	done := signIn()
	done.Kind, done.For = audit.Access, "1"
	quiet := &audit.Event{Kind: audit.Access, Verdict: "forward", Reason: "home-account"}
	observed := refusal()
	observed.Verdict, observed.Denied, observed.Observed = "forward", false, true
	for _, e := range []*audit.Event{quiet, quiet, passed, done, refusal(), observed} {
		r.Add(e)
	}
	want := []Count{
		{"block", "external-account", false, 1}, {"forward", "external-account", true, 1},
		{"forward", "home-account", false, 2}, {"forward", "sign-in", false, 1},
	}
	if diff := cmp.Diff(want, r.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestOnlyTheLastHundredAreListed(t *testing.T) {
	var events []*audit.Event
	for range shown + 20 {
		events = append(events, refusal())
	}
	_, s := opened(t, events...)
	got := ask(t, http.MethodGet, s.URL+"/", "").body
	if n := strings.Count(got, "<tr class="); n != shown {
		t.Errorf("%d events are listed, want %d", n, shown)
	}
	if strings.Contains(got, events[0].ID) || !strings.Contains(got, events[shown+19].ID) {
		t.Error("the list is not of the last")
	}
}

func TestPagesAreReadWhileEventsArrive(t *testing.T) {
	c, s := opened(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 200 {
				c.Recent.Add(refusal())
			}
		})
		wait.Go(func() {
			for range 5 {
				if got := ask(t, http.MethodGet, s.URL+"/", ""); got.status != http.StatusOK {
					t.Errorf("GET / = %d", got.status)
				}
			}
		})
	}
	wait.Wait()
}

func TestWhatHasNoShapeIsShownByItsEscape(t *testing.T) {
	for line, want := range map[string]string{
		`{"a":"plain \"quoted\" \\ back"}`: `{"a":"plain \"quoted\" \\ back"}`,
		`{"a":"\u001b[31m\n"}`:             `{"a":"\\u001b[31m\\n"}`,
		`{"a":"\\u001b"}`:                  `{"a":"\\u001b"}`,
		"{\"a\":\"\u202egnp.exe\u200b\"}":  `{"a":"\\u202egnp.exe\\u200b"}`,
		`{"a":"Zoë 山"}`:                    `{"a":"Zoë 山"}`,
	} {
		if got := string(legible([]byte(line))); got != want {
			t.Errorf("legible(%s) = %s, want %s", line, got, want)
		}
	}
}
