package proxy

import (
	"math"
	"net/netip"
	"runtime/metrics"
	"sync"
	"time"
)

// Limits is the limits section of the configuration: how much of this machine
// its clients may take. What is beyond is refused or closed, never let through.
type Limits struct {
	Connections int `yaml:"connections"`  // client connections open at once; 0: as many as descriptors and memory allow
	ClientShare int `yaml:"client_share"` // percent of each budget that one client may take
}

// DefaultLimits returns the limits of a configuration that names none.
func DefaultLimits() Limits { return Limits{ClientShare: 50} }

// What is budgeted, as metrics spell it.
const (
	ofConnections = "connections" // open at once
	ofDescriptors = "descriptors" // the reserve for the event log, the sinks and the admin listener
	ofMemory      = "memory"      // of what GOMEMLIMIT allows
	ofHandshakes  = "handshakes"  // a second
	ofMints       = "leaf-mints"  // a second
	ofBodies      = "bodies"      // looked into at once
	ofLookups     = "lookups"     // of names, at once
	ofRequests    = "requests"    // of intercepted connections, under way at once
	ofUnread      = "unread"      // answers that wait for their readers
	ofFrames      = "frames"      // of HTTP/2 that serve no request
)

// The totals that are not worked out from the machine. A handshake costs about
// 200 microseconds of a core and a leaf 100; a body that is looked into holds
// up to 8 MiB, its own and what its encoding hides.
const (
	mostConnections     = 50_000
	handshakesPerCore   = 2_000
	mintsPerSecond      = 1_000
	mostBodies          = 512
	mostRequests        = 100_000
	mostUnread          = 8192
	mostUnreadOfOne     = 512 // that a client's share is of, at most: a quarter of a gigabyte and more
	memoryOfConnection  = 64 << 10
	memoryOfRequest     = 64 << 10
	memoryOfBody        = 8 << 20
	memoryOfUnread      = maxUnread + largeBody
	mostRatedClients    = 4096
	clientShare         = 50
	memoryShare         = 80 // percent of GOMEMLIMIT that may be live
	memorySampledEvery  = 100 * time.Millisecond
	descriptorsReserved = 128
)

// budgets are what all clients share.
type budgets struct {
	connections, requests, bodies, lookups held
	unread                                 waiting
	handshakes, mints                      rate
	memory                                 memory
	shed                                   rate // how often shedding leaves an event
}

func (l Limits) budgets() *budgets {
	share := l.ClientShare
	if share == 0 {
		share = clientShare
	}
	total, requests, bodies, waiting := l.Connections, mostRequests, mostBodies, mostUnread
	limit, bounded := memoryLimit()
	if total == 0 {
		total = min(mostConnections, (descriptors()-reserved())/2) // a tunnel has two
		if bounded {
			total = min(total, int(limit/memoryOfConnection))
		}
	}
	if bounded {
		requests = min(requests, int(limit/memoryOfRequest))
		bodies = min(bodies, max(16, int(limit/4/memoryOfBody)))
		waiting = min(waiting, max(16, int(limit/4/memoryOfUnread)))
	}
	b := &budgets{}
	b.connections.set(max(total, 1), share)
	b.requests.set(max(requests, 1), share)
	b.bodies.set(bodies, share)
	b.unread.set(waiting, share)
	b.lookups.set(mostLookups, share)
	b.handshakes.set(float64(handshakesPerCore*spares.processors()), share)
	b.mints.set(mintsPerSecond, share)
	b.shed.set(10, 100)
	return b
}

// held is a budget of things that are taken and given back.
type held struct {
	mu            sync.Mutex
	total, client int
	n             int
	by            map[netip.Addr]int
}

func (h *held) set(total, share int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total, h.client, h.by = total, max(1, total*share/100), map[netip.Addr]int{}
}

// take takes one of the total, for nobody yet.
func (h *held) take() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n >= h.total {
		return false
	}
	h.n++
	return true
}

// taken is how many are taken.
func (h *held) taken() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}

// claim tells whose one that was taken is; false if that is one too many.
func (h *held) claim(c netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by[c] >= h.client {
		return false
	}
	h.by[c]++
	return true
}

// takeFor is take and claim.
func (h *held) takeFor(c netip.Addr) bool {
	if !h.take() {
		return false
	}
	if h.claim(c) {
		return true
	}
	h.give(netip.Addr{})
	return false
}

// give gives one back; c is who claimed it, not valid if nobody did.
func (h *held) give(c netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n--
	if !c.IsValid() {
		return
	}
	if h.by[c]--; h.by[c] <= 0 {
		delete(h.by, c)
	}
}

// rate is a budget of things a second; two seconds' worth may come at once.
type rate struct {
	mu        sync.Mutex
	all       bucket
	perSecond float64
	ofOne     float64
	by        map[netip.Addr]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func (r *rate) set(perSecond float64, share int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.perSecond, r.ofOne, r.by = perSecond, max(1, perSecond*float64(share)/100), map[netip.Addr]*bucket{}
}

func (r *rate) take(c netip.Addr) bool {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.by[c]
	if own == nil {
		if len(r.by) >= mostRatedClients {
			r.forget(now)
		}
		own = &bucket{}
		r.by[c] = own
	}
	own.fill(now, r.ofOne)
	r.all.fill(now, r.perSecond)
	if own.left < 1 || r.all.left < 1 {
		return false
	}
	own.left--
	r.all.left--
	return true
}

// forget drops clients that have all of their share again, and everybody where
// none has: the total still bounds them.
func (r *rate) forget(now time.Time) {
	for c, b := range r.by {
		if b.fill(now, r.ofOne); b.left >= 2*r.ofOne {
			delete(r.by, c)
		}
	}
	if len(r.by) >= mostRatedClients {
		clear(r.by)
	}
}

func (b *bucket) fill(now time.Time, perSecond float64) {
	d := now.Sub(b.at)
	switch {
	case b.at.IsZero():
		b.left = 2 * perSecond
	case d > 0:
		b.left = min(2*perSecond, b.left+perSecond*d.Seconds())
	}
	b.at = now
}

// memory tells whether what is live comes close to GOMEMLIMIT.
type memory struct {
	mu    sync.Mutex
	at    time.Time
	short bool
}

func (m *memory) isShort() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.at.IsZero() || now.Sub(m.at) > memorySampledEvery {
		m.at = now
		limit, bounded := memoryLimit()
		m.short = bounded && sample("/gc/heap/live:bytes")+sample("/memory/classes/heap/stacks:bytes") > limit/100*memoryShare
	}
	return m.short
}

// memoryLimit is GOMEMLIMIT; false without one.
func memoryLimit() (uint64, bool) {
	limit := sample("/gc/gomemlimit:bytes")
	return limit, limit > 0 && limit < math.MaxInt64
}

func sample(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	if metrics.Read(s); s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

// payer is whose budget a is: an IPv6 host has a whole /64 of its own
// (RFC 4291, 2.5.4).
func payer(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// reserved is how many descriptors clients may not take.
func reserved() int { return min(descriptorsReserved, descriptors()/4) }
