package console

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/audit"
)

// Bounds of what is remembered, for each of the two shelves.
const (
	maxEvents = 1000
	maxBytes  = 4 << 20
)

// passingEvery is the least time between two events on the shelf of those that
// passed: to keep a line costs as much as the log itself, and nobody reads
// more than fifty a second. Refusals are remembered all.
const passingEvery = 20 * time.Millisecond

// Recent remembers the last tenant events, as they are in the log, and counts
// all verdicts. What was refused, or would have been, has a shelf of its own:
// a busy morning of sign-ins does not push it out.
type Recent struct {
	observer audit.Observer
	counts   sync.Map // Count with N zero to *atomic.Uint64; closed lists bound it

	mu      sync.Mutex
	alerts  shelf
	passing shelf
	passed  atomic.Int64 // when the last one came onto passing, Unix nanoseconds
}

// Count is how often a verdict was given for a reason.
type Count struct {
	Verdict, Reason string
	Observed        bool // it would have been a refusal
	N               uint64
}

// entry is one remembered event.
type entry struct {
	id   string
	seq  uint64
	line []byte
}

// shelf holds entries, oldest first, within the bounds.
type shelf struct {
	entries []entry
	bytes   int
}

// NewRecent returns a Recent without events; o is what they say of the proxy.
func NewRecent(o audit.Observer) *Recent { return &Recent{observer: o} }

// Add takes e, which the log has kept. It does not hold on to e: what it
// remembers is the line in the log, which is bounded and holds no credential, in
// legible characters.
func (r *Recent) Add(e *audit.Event) {
	refused := e.Denied || e.Verdict == "block" || e.Observed
	if e.For == "" && e.Verdict != "" {
		r.count(Count{Verdict: e.Verdict, Reason: e.Reason, Observed: e.Observed})
	}
	if e.Kind != audit.Tenant {
		return
	}
	if !refused && !r.room(e.Time) {
		return
	}
	one := entry{e.ID, e.Seq, legible(e.JSON(r.observer))}
	r.mu.Lock()
	defer r.mu.Unlock()
	if refused {
		r.alerts.put(one)
		return
	}
	r.passing.put(one)
}

// room tells whether an event that passed at t is remembered.
func (r *Recent) room(t time.Time) bool {
	now, last := t.UnixNano(), r.passed.Load()
	return now-last >= int64(passingEvery) && r.passed.CompareAndSwap(last, now)
}

func (r *Recent) count(c Count) {
	n, ok := r.counts.Load(c)
	if !ok {
		n, _ = r.counts.LoadOrStore(c, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1)
}

func (s *shelf) put(e entry) {
	s.entries = append(s.entries, e)
	s.bytes += len(e.line)
	for len(s.entries) > maxEvents || s.bytes > maxBytes {
		s.bytes -= len(s.entries[0].line)
		s.entries[0] = entry{}
		s.entries = s.entries[1:]
	}
}

// Counts returns the verdicts since the start: refusals first, then by how
// often each was given.
func (r *Recent) Counts() []Count {
	var all []Count
	r.counts.Range(func(key, n any) bool {
		c := key.(Count)
		c.N = n.(*atomic.Uint64).Load()
		all = append(all, c)
		return true
	})
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.N, a.N), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Verdict, b.Verdict))
	})
	return all
}

func (c Count) rank() int {
	switch {
	case c.Verdict == "block":
		return 0
	case c.Observed:
		return 1
	default:
		return 2
	}
}

// entries returns what is remembered, newest first.
func (r *Recent) entries() []entry {
	r.mu.Lock()
	all := slices.Concat(r.alerts.entries, r.passing.entries)
	r.mu.Unlock()
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(b.seq, a.seq) })
	return all
}

// find returns the event with this id.
func (r *Recent) find(id string) (entry, bool) {
	for _, e := range r.entries() {
		if e.id == id {
			return e, true
		}
	}
	return entry{}, false
}
