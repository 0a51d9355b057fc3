package resolver

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxClients bounds the clients whose questions are counted; who has not asked
// for longest is forgotten, and starts anew.
const maxClients = 8192

// limits keep one client from taking the resolver from the others.
type limits struct {
	clients *lru.Cache[netip.Addr, *share]
}

// share is one client's.
type share struct {
	perSecond int
	*rate.Limiter
}

func newLimits(size int) *limits {
	clients, err := lru.New[netip.Addr, *share](size)
	if err != nil {
		return &limits{} // only a size below 1 is an error
	}
	return &limits{clients}
}

// allow takes one question of a from its share, which is perSecond, and twice
// that at once; 0 is no limit. A host has a whole /64 in IPv6.
func (l *limits) allow(a netip.Addr, perSecond int, now time.Time) bool {
	if perSecond == 0 {
		return true
	}
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	one, ok := l.clients.Get(a)
	if !ok || one.perSecond != perSecond {
		one = &share{perSecond, rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)}
		if before, found, _ := l.clients.PeekOrAdd(a, one); found && before.perSecond == perSecond {
			one = before
		} else if found {
			l.clients.Add(a, one)
		}
	}
	return one.AllowN(now, 1)
}
