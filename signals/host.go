package signals

import (
	"net/netip"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

// A host is what is remembered of a restricted one that arrived here.
type host struct {
	slot  int64 // in which it last was
	used  int64 // slots in which it was
	plane string
	users [8]user // who brought it lately; a ring
	at    int     // where the next user goes
	told  time.Duration
}

// A user is a client of a host, and how active that client was until then.
type user struct {
	from   addr
	active int64
}

// Whose silence counts: of a host that was in use for a window's worth of
// activity, by three clients at least, each of which was active for as long
// again without it. Fewer may just have lost interest.
const (
	regular   = slots
	fewest    = 3
	elsewhere = slots
)

// arrived remembers that the client brought a restricted host here.
func (v *view) arrived() {
	if v.e.Plane == string(policy.Other) {
		return
	}
	name := v.e.Host
	h := v.hosts.get(name)
	if h == nil {
		h = v.hosts.of(strings.Clone(name), v.now, v.window)
		h.plane = v.e.Plane
	} else {
		h = v.hosts.of(name, v.now, v.window)
	}
	h.told = 0
	if slot := v.slot(); h.slot != slot {
		h.slot, h.used = slot, h.used+1
	}
	for i := range h.users {
		if h.users[i].from == v.from {
			h.users[i].active = v.client.active
			return
		}
	}
	h.users[h.at] = user{v.from, v.client.active}
	h.at = (h.at + 1) % len(h.users)
}

// tunnelled tells of a name that was intercepted and is now passed on
// undecrypted: a reload took it off the list.
func (v *view) tunnelled() {
	if h := v.hosts.get(v.e.Host); h != nil && v.due(h.told) {
		h.told = v.now
		v.tell(policy.HostNotIntercepted)
	}
}

// sweep looks once a slot for hosts that nobody brings here any more, although
// their clients bring others: a PAC file or a bypass list sends them past us.
func (v *view) sweep() {
	slot := v.slot()
	if slot == v.swept {
		return
	}
	v.swept = slot
	for name, e := range v.hosts.known {
		h := &e.value
		if h.told != 0 || h.used < regular || slot-h.slot < elsewhere {
			continue
		}
		if n := v.without(h); n >= fewest {
			h.told, h.used = v.now, 0
			v.silence(name, h, n).Duration = v.now - e.seen
		}
	}
}

// without counts the clients of h that were active for long enough without it.
func (v *view) without(h *host) (n uint64) {
	for _, u := range h.users {
		if c := v.clients.get(u.from); u.from.IsValid() && c != nil && c.active-u.active >= elsewhere {
			n++
		}
	}
	return n
}

// silence is a signal of n clients rather than of the event that happened to
// come by.
func (v *view) silence(name string, h *host, n uint64) *audit.Event {
	s := v.tell(policy.HostNotIntercepted)
	*s = audit.Event{
		Kind: s.Kind, Category: s.Category, Type: s.Type, Action: s.Action, Reason: s.Reason, Unknown: true,
		Source: netip.AddrPort{}, Host: name, Plane: h.plane, Mode: v.e.Mode, Verdict: policy.Intercept.String(),
		Relation: string(policy.None), HomeTenant: v.e.HomeTenant, Count: n,
	}
	return s
}
