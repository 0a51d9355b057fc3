package demo

import (
	"errors"
	"fmt"
	"strings"
)

// step is what one scenario showed.
type step struct {
	number int
	title  string

	sent, answer, origin string // a line each; empty: it did not come to that
	event                *event // nil: none was found
	problems             []string
}

// expect notes a problem unless ok.
func (s *step) expect(ok bool, format string, args ...any) {
	if !ok {
		s.problems = append(s.problems, fmt.Sprintf(format, args...))
	}
}

func (s *step) err() error {
	if len(s.problems) == 0 {
		return nil
	}
	return errors.New(fmt.Sprintf("scenario %d, %s: ", s.number, s.title) + strings.Join(s.problems, "; "))
}

// expectEvent compares the event with what it should say; "" is not compared.
func (s *step) expectEvent(verdict, reason, relation string) {
	if s.event == nil {
		return // already a problem
	}
	got := s.event.Tenantgate
	s.expect(got.Verdict == verdict, "the event's verdict is %q, want %q", got.Verdict, verdict)
	s.expect(reason == "" || got.Reason == reason, "the event's reason is %q, want %q", got.Reason, reason)
	s.expect(relation == "" || got.Relation == relation, "the event's relation is %q, want %q", got.Relation, relation)
}

// expectTag wants exactly our tag on every request that reached the cloud.
func (s *step) expectTag(seen []Seen) {
	s.expect(len(seen) > 0, "nothing reached the cloud")
	want := tagV2 + ": " + Home.Tag()
	for _, r := range seen {
		tags := r.Tags()
		s.expect(len(tags) == 1 && tags[0] == want, "the cloud saw the tags %q, want %q alone", tags, want)
	}
}

// expectNoTag wants that no tag left for a host that reads none.
func (s *step) expectNoTag(seen []Seen) {
	s.expect(len(seen) > 0, "nothing reached the cloud")
	for _, r := range seen {
		s.expect(len(r.Tags()) == 0, "the cloud saw the tags %q, want none", r.Tags())
	}
}

// expectRefused wants the proxy's own refusal, and that nothing went further.
func (s *step) expectRefused(a *answer, reason, marker string, c *Cloud) {
	s.expect(a.status == 403, "the answer is %d, want 403", a.status)
	got := a.header.Get("Tenantgate-Reason")
	s.expect(got == reason, "Tenantgate-Reason is %q, want %q", got, reason)
	s.expect(a.header.Get("Tenantgate-Event") != "", "the refusal names no event")
	s.expect(len(a.seen) == 0, "the cloud saw %d requests, want none", len(a.seen))
	s.expect(!c.SawBytes(marker), "the token reached the cloud")
}
