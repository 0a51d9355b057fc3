package tokens

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	attemptTTL  = 30 * time.Minute // twice as long as a device code lives
	maxAttempts = 16384            // hashes of each generation
	minState    = 16               // shorter is a constant somewhere, not a state
	maxState    = 16 << 10
)

// shared are the parameters that the requests of one sign-in have in common.
// Those of Entra's pages (ctx, originalRequest, flowToken) are not documented.
var shared = []string{
	"client-request-id", "ctx", "originalrequest", "flowtoken", "state", "nonce",
	"code_challenge", "code", "device_code", "wctx", "samlrequest",
}

// correlate gives s the id of the attempt that it belongs to: the client's own
// client-request-id where there is one, as Entra's logs know it, else a keyed
// hash of the client's address and what its requests share. What earlier
// requests of the attempt said is filled in.
func (f *Finder) correlate(s *SignIn, given fields, r *http.Request, client string) {
	if id := first(r.Header["Client-Request-Id"]); id != "" {
		given["client-request-id"] = id
	}
	id := strings.ToLower(identifier(given["client-request-id"]))
	if id == "" {
		delete(given, "client-request-id")
	}
	if verifier := given["code_verifier"]; verifier != "" { // RFC 7636, 4.2
		sum := sha256.Sum256([]byte(verifier))
		given["code_challenge"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for _, name := range shared {
		if value := given[name]; isState(value) {
			s.states = append(s.states, f.state(client, value))
		}
	}
	if len(s.states) > 0 {
		f.attempts.join(s, or(id, s.states[0]))
	}
}

func (f *Finder) state(client, value string) string {
	return f.digest("sign-in\x00" + client + "\x00" + value)
}

// Continue remembers what an answer gave out for the next requests of the same
// sign-in.
func (f *Finder) Continue(s *SignIn, o Outcome, client string) {
	if s.Attempt == "" {
		return
	}
	var states []string
	for _, value := range append([]string{o.CorrelationID}, o.states...) {
		if isState(value) {
			states = append(states, f.state(client, value))
		}
	}
	f.attempts.remember(s, states)
}

// isState tells whether a value is long enough to be no other sign-in's.
func isState(value string) bool { return len(value) >= minState && len(value) <= maxState }

// attempts remembers the sign-ins that are under way. It has two generations
// of which the older one is forgotten, by age or for want of room.
type attempts struct {
	mu         sync.Mutex
	young, old map[string]SignIn
	since      time.Time // when young was begun
}

// join fills in what is known of the attempt that s belongs to, or begins one
// with this id.
func (a *attempts) join(s *SignIn, id string) {
	a.mu.Lock()
	known, ok := a.find(s.states)
	a.mu.Unlock()
	s.Attempt = id
	if ok {
		s.Attempt = known.Attempt
		s.fill(known)
	}
	a.remember(s, s.states)
}

// fill takes from an earlier request what this one does not say. Under common
// and organizations the tenant is the one that the sign-in began with.
func (s *SignIn) fill(known SignIn) {
	s.Account, s.Domain = or(s.Account, known.Account), or(s.Domain, known.Domain)
	if s.App == "" {
		s.App, s.AppName = known.App, known.AppName
	}
	if s.directory == "" && !strings.Contains(s.Tenant, ".") && known.Tenant != "" {
		s.Tenant = known.Tenant
	}
}

func (a *attempts) find(states []string) (SignIn, bool) {
	a.turn(time.Now())
	for _, state := range states {
		if known, ok := a.young[state]; ok {
			return known, true
		}
		if known, ok := a.old[state]; ok {
			return known, true
		}
	}
	return SignIn{}, false
}

func (a *attempts) remember(s *SignIn, states []string) {
	kept := *s
	kept.states = nil
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(time.Now())
	for _, state := range states {
		a.young[state] = kept
	}
}

// turn begins a new generation when the young one is full or as old as an
// attempt may be.
func (a *attempts) turn(now time.Time) {
	aged := now.Sub(a.since)
	if aged < attemptTTL && len(a.young) < maxAttempts {
		return
	}
	a.old, a.young = a.young, map[string]SignIn{}
	if aged >= 2*attemptTTL {
		a.old = nil
	}
	a.since = now
}
