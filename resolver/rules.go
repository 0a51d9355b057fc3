package resolver

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/setting"
)

// Addresses are what the listen section says: where the resolver and the
// steered listener are.
type Addresses struct{ DNS, Steered string }

// Names are what is not answered as upstreams would.
type Names struct {
	Restricted hosts.Set // steered
	Withheld   hosts.Set // do not exist: somebody else's resolvers and relays, where they are blocked
}

// Rules are one immutable configuration: who may ask, which names are steered
// and where, and who is asked for the rest. Only preferred and what is open to
// upstreams change.
type Rules struct {
	restricted hosts.Set
	exempt     hosts.Set // names that restricted makes an exception of
	withheld   hosts.Set
	v4, v6     []netip.Addr
	upstreams  []upstream
	secure     map[upstream]channel // how the encrypted ones are asked
	clients    []netip.Prefix
	rate       int
	wpad       bool
	events     string
	mark       *mark

	preferred atomic.Int32 // the upstream that answered last
}

// mark tells one Rules from all others without keeping it alive.
type mark struct{ _ byte }

// NewRules returns the Rules of cfg for a resolver at the addresses of at;
// encrypted upstreams are held to trust. Its
// errors are *setting.Error with paths in the dns section, all at once.
func NewRules(cfg Config, names Names, at Addresses, trust *peer.Trust) (*Rules, error) {
	answers, err1 := steered(cfg, at.Steered)
	upstreams, err2 := asked(cfg, at.DNS)
	clients, err3 := cfg.clients()
	exempt, err4 := hosts.ParseSet(names.Restricted.Exceptions()...)
	boot, err5 := bootstrap(cfg, at.DNS, upstreams)
	if err := errors.Join(err1, err2, err3, err4, err5, cfg.checkWords()); err != nil {
		return nil, err
	}
	r := &Rules{restricted: names.Restricted, exempt: exempt, withheld: names.Withheld, upstreams: upstreams, clients: clients, rate: cfg.Rate, wpad: cfg.WPAD, events: cfg.Events, mark: &mark{}}
	r.secure = channels(upstreams, road{names: boot, trust: trust})
	for _, a := range answers {
		if a.Is4() {
			r.v4 = append(r.v4, a)
			continue
		}
		r.v6 = append(r.v6, a)
	}
	return r, nil
}

// steered are the addresses that restricted names get: those of cfg, else the
// one that the steered listener is at.
func steered(cfg Config, listen string) ([]netip.Addr, error) {
	if len(cfg.Answers) > 0 {
		return cfg.answers()
	}
	a, err := netip.ParseAddrPort(listen)
	switch {
	case listen == "":
		return nil, setting.Errorf("answers", "set listen.steered, or write the address of a proxy that has it as dns.answers", "there is no steered listener to send restricted hosts to")
	case err != nil || a.Addr().IsUnspecified():
		return nil, setting.Errorf("answers", "write the addresses that clients reach the proxy at as dns.answers: [10.0.0.7]", "listen.steered is %s, which is no address to connect to", listen)
	}
	return []netip.Addr{a.Addr().Unmap()}, nil
}

// serves tells whether a client at a may ask.
func (r *Rules) serves(a netip.Addr) bool {
	for _, p := range r.clients {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// steers tells whether name, in lower case without its last dot, is steered.
func (r *Rules) steers(name string) bool {
	n, err := hosts.Parse(name)
	return err == nil && r.restricted.Has(n)
}

// withholds tells whether name is one that does not exist here.
func (r *Rules) withholds(name string) bool {
	n, err := hosts.Parse(name)
	return denies(name, r.wpad) || err == nil && r.withheld.Has(n)
}

// overlaps tells whether name is no host name and yet reads like a restricted
// one, or lies beneath a restricted suffix, where a wildcard record could give
// it an address. What cannot be parsed is refused there.
func (r *Rules) overlaps(name string) bool {
	if _, err := hosts.Parse(name); err == nil {
		return false
	}
	if r.steers(strings.ReplaceAll(name, `\`, "")) {
		return true
	}
	for rest := name; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return false
		}
		rest = rest[dot+1:]
		if n, err := hosts.Parse(rest); err == nil {
			return r.restricted.Has("x." + n)
		}
	}
}

// leads tells whether an answer for name must not be given although name is
// not restricted, because it leads to targets that are.
func (r *Rules) leads(name string, targets []string) bool {
	if len(targets) == 0 {
		return false
	}
	if n, err := hosts.Parse(name); err == nil && r.exempt.Has(n) {
		return false
	}
	return slices.ContainsFunc(targets, func(t string) bool { return r.steers(t) || r.overlaps(t) })
}
