// Package signals notices what looks like a way round the proxy, and says so once.
//
// It looks on while events are recorded and reads nothing else, so it costs a
// request no more than a look into a table, and decides nothing. What it knows
// is bounded and in memory: a restart forgets it.
package signals

import (
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

// Action is the event.action of every signal.
const Action = "bypass-signal"

// All are the signals, by the reason that their events carry.
var All = []policy.Reason{
	policy.TokenWithoutSignIn, policy.HostNotIntercepted, policy.SignInsStopped,
	policy.ClientSentTags, policy.PinnedApplication, policy.CANotTrusted,
}

// A Watch looks on. Its methods may be called concurrently.
type Watch struct {
	began time.Time

	mu      sync.Mutex
	window  time.Duration
	off     map[policy.Reason]bool
	clients table[addr, client]
	hosts   table[string, host]
	swept   int64 // slot in which the hosts were last looked through
	told    map[policy.Reason]uint64
}

// Stats counts what became of a Watch.
type Stats struct {
	Told      map[policy.Reason]uint64
	Clients   int    // that are known
	Forgotten uint64 // clients that had to make room before the window was over
}

// New returns a Watch that follows cfg.
func New(cfg Config) *Watch {
	w := &Watch{began: time.Now(), told: map[policy.Reason]uint64{}}
	w.clients.limit, w.hosts.limit = maxClients, maxHosts
	w.Use(cfg)
	return w
}

// Use makes w follow cfg from now on. What it has seen stays.
func (w *Watch) Use(cfg Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.window, w.off = cfg.window(), map[policy.Reason]bool{}
	for _, name := range cfg.Off {
		w.off[policy.Reason(name)] = true
	}
}

// Stats returns the counts as they are.
func (w *Watch) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Stats{Told: map[policy.Reason]uint64{}, Clients: len(w.clients.known), Forgotten: w.clients.forgotten}
	for _, reason := range All {
		s.Told[reason] = w.told[reason]
	}
	return s
}

// See takes an event that was recorded and returns the signals that it
// completes, as events to be recorded: mostly none. It does not hold on to e,
// but they share what e points to.
func (w *Watch) See(e *audit.Event) []*audit.Event {
	from := e.Source.Addr()
	if !from.IsValid() || e.Action == Action {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	v := view{Watch: w, e: e, from: from, now: time.Since(w.began) + 1}
	v.client = w.clients.of(from, v.now, w.window)
	if e.Plane != string(policy.Other) {
		v.attend()
	}
	v.tags()
	switch e.Action {
	case "connection-tunnelled":
		v.tunnelled()
	case "connection-intercepted":
		v.intercepted()
		v.arrived()
	default:
		v.request()
		v.arrived()
	}
	v.sweep()
	return v.signals
}

// A view is one event as it is looked at; the Watch is locked.
type view struct {
	*Watch
	e       *audit.Event
	from    addr
	now     time.Duration // since the Watch began, never 0
	client  *client
	signals []*audit.Event
}

// slot is the part of the window, an eighth, that now lies in. Being active is
// counted in slots, so that a night or a weekend is no silence.
func (v *view) slot() int64 { return int64(v.now/(v.window/slots)) + 1 }

const slots = 8

// due tells whether something that was last told then may be told again.
func (v *view) due(told time.Duration) bool { return told == 0 || v.now-told > v.window }

// within tells whether it was not longer ago than the window.
func (v *view) within(then time.Duration) bool { return then != 0 && v.now-then <= v.window }

// tell makes a signal of the event that completes it: all that is known of it
// stands in the signal as well.
func (v *view) tell(reason policy.Reason) *audit.Event {
	if v.off[reason] {
		return &audit.Event{} // nobody wants it
	}
	s := *v.e
	s.Kind, s.ID, s.Seq, s.Time = audit.Tenant, "", 0, time.Time{}
	s.Category, s.Type = []string{"network", "intrusion_detection"}, []string{"info"}
	s.Action, s.Reason, s.Denied, s.Unknown = Action, string(reason), false, true
	s.Status, s.BytesIn, s.BytesOut, s.Duration = 0, 0, 0, 0
	s.For = v.e.ID
	v.told[reason]++
	v.signals = append(v.signals, &s)
	return &s
}
