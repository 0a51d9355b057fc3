package resolver

import (
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/miekg/dns"
)

// Bounds of what is remembered.
const (
	maxEntries  = 20_000
	maxRecords  = 4096             // octets of records in one entry; what is larger is not kept
	maxTTL      = 6 * time.Hour    // for answers
	maxNegative = 15 * time.Minute // for names and records that do not exist
	failureTTL  = 5 * time.Second  // for questions that no upstream answered, RFC 9520 section 3.2
	maxStale    = 24 * time.Hour   // behind an answer's end, RFC 8767 section 5
	staleTTL    = 30               // seconds, RFC 8767 section 4
)

// entry is one upstream's answer. All but retry and passed is immutable.
type entry struct {
	rcode              int
	answers, authority uint16
	records            []byte
	ttls               []int
	ad                 bool
	failure            bool                 // no upstream answered
	targets            []string             // where its aliases lead, in lower case
	stored             time.Time            // when it came
	ttl                time.Duration        // how long it is fresh from then
	retry              atomic.Int64         // Unix nanoseconds until which it is given although it is stale
	passed             atomic.Pointer[mark] // of the Rules that let it be given as it is
}

func (e *entry) fresh(now time.Time) bool { return now.Sub(e.stored) < e.ttl }

// usable tells whether e may be given although it is not fresh.
func (e *entry) usable(now time.Time) bool {
	return !e.failure && now.Sub(e.stored) < e.ttl+maxStale
}

// failing tells whether upstreams failed to answer a moment ago.
func (e *entry) failing(now time.Time) bool { return now.UnixNano() < e.retry.Load() }

// reply is the answer that e is at the time.
func (e *entry) reply(now time.Time, res result) reply {
	r := reply{
		result: res, rcode: e.rcode, answers: e.answers, authority: e.authority,
		records: e.records, ttls: e.ttls, ad: e.ad, age: uint32(max(0, now.Sub(e.stored)/time.Second)),
	}
	switch {
	case e.failure:
		r.result, r.why = resultFailed, whyNobody
	case res == resultStale:
		r.ttl, r.why = staleTTL, whyStale
	}
	return r
}

func failure(now time.Time) *entry {
	return &entry{rcode: dns.RcodeServerFailure, failure: true, stored: now, ttl: failureTTL}
}

// cache remembers the answers that were used last.
type cache struct{ entries *lru.Cache[key, *entry] }

func newCache(size int) *cache {
	entries, err := lru.New[key, *entry](size)
	if err != nil {
		return &cache{} // only a size below 1 is an error
	}
	return &cache{entries}
}

func (c *cache) get(k key) *entry {
	e, _ := c.entries.Get(k)
	return e
}

func (c *cache) put(k key, e *entry) {
	if len(e.records) <= maxRecords {
		c.entries.Add(k, e)
	}
}

func (c *cache) purge() { c.entries.Purge() }
