package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	partnerTenant = "55555555-5555-5555-5555-555555555555"
	partnerDomain = "fabrikam.example"
)

// metadata is what Entra says of a domain's tenant.
func metadata(issuer, endpoint string) string {
	return fmt.Sprintf(`{"issuer":"https://%s/%s/v2.0","token_endpoint":"https://%[1]s/%[3]s/oauth2/v2.0/token"}`, signInHost, issuer, endpoint)
}

// feeds are how the source of partners' tenants breaks.
var feeds = []struct {
	name   string
	answer http.HandlerFunc
}{
	{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
	{"empty", func(http.ResponseWriter, *http.Request) {}},
	{"far too long", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.TrimSuffix(metadata(foreignTenant, foreignTenant), "}")+`,"x":"`+strings.Repeat("x", 1<<20)+`"}`)
	}},
	{"a page", says200("<!DOCTYPE html><title>Sign in</title>")},
	{"JSON of something else", says200(`{"keys":[]}`)},
	{"two tenants", says200(metadata(partnerTenant, foreignTenant))},
	{"no tenant", says200(metadata("common", "common"))},
	{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+graphHost+"/openid-configuration", http.StatusFound)
	}},
	{"cut off", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, metadata(foreignTenant, foreignTenant))
	}},
	{"silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
}

func says200(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// R21: what the source said last stands, however it breaks and although a day
// has passed. Without anything to stand on, a partner is permitted nothing.
func brokenFeed(s *stage) {
	s.clocked()
	var asked atomic.Int64
	feed := func(answer http.HandlerFunc) {
		counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); answer(w, r) })
		s.world.feed.Store(&counted)
	}
	good := says200(metadata(partnerTenant, partnerTenant))
	feed(good)
	named := settings{more: "policy: {partners: [{tenant: " + partnerDomain + ", tenant_restrictions: allow}]}\n"}
	s.load.tokens[byPartner] = token(partnerTenant, "cGFydG5lcg")
	s.run(named)
	s.outcome(byPartner, "ok")
	off := time.Duration(0)
	for _, f := range feeds {
		feed(f.answer)
		off += 25 * time.Hour
		s.step(off)
		had := asked.Load()
		s.gate.reload(reloaded)
		if asked.Load() == had {
			s.Errorf("%s: it was not asked", f.name)
		}
		s.outcome(byPartner, "ok")
		s.outcome(foreign, "ok")
	}
	s.gate.end(syscall.SIGKILL)
	if err := os.RemoveAll(filepath.Join(s.gate.state, "directory")); err != nil {
		s.Fatal(err)
	}
	s.gate.run()
	s.outcome(byPartner, "refused: 403 external-account")
	feed(good)
	s.step(off + time.Hour)
	s.gate.reload(reloaded)
	s.outcome(byPartner, "ok")
	s.works()
}

const byPartner kind = "request of a partner"

// outcome asks once in each way.
func (s *stage) outcome(k kind, want string) {
	s.Helper()
	for i := range 4 {
		c := s.load.client(i)
		if _, got, _ := s.load.ask(k, c); got != want {
			s.Errorf("%s: %s, want %s", k, got, want)
		}
		c.CloseIdleConnections()
	}
}
