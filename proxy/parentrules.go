package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/setting"
)

// Direct is how a rule says that its hosts go through no parent.
const Direct = "direct"

// ParentRule is an entry of upstream.parents: which hosts go which way.
type ParentRule struct {
	Hosts  []string `yaml:"hosts"`  // patterns: exact, or *.suffix
	Parent string   `yaml:"parent"` // http[s]://[user:pass@]host:port, or direct
}

// ParentRules pick the way to a host: the first that has it decides, then
// upstream.parent.
type ParentRules []parentFor

type parentFor struct {
	hosts  hosts.Set
	parent *Parent // nil: direct
}

// NewParentRules reads the rules of u.
func NewParentRules(u Upstream, trust *peer.Trust) (ParentRules, error) {
	rules, bad := make(ParentRules, len(u.Parents)), error(nil)
	for i, r := range u.Parents {
		at := fmt.Sprintf("parents[%d]", i)
		set, err := hosts.ParseSet(r.Hosts...)
		if err != nil {
			bad = errors.Join(bad, setting.Errorf(at+".hosts", "write example.com or *.example.com", "%v", err))
		}
		if len(r.Hosts) == 0 {
			bad = errors.Join(bad, setting.Errorf(at+".hosts", "name hosts, or set upstream.parent for all others", "no host goes this way"))
		}
		rules[i].hosts = set
		switch r.Parent {
		case "":
			bad = errors.Join(bad, setting.Errorf(at+".parent", "write http://host:port, https://host:port or direct", "no way is named"))
		case Direct:
		default:
			rules[i].parent, err = NewParent(r.Parent, trust)
			bad = errors.Join(bad, setting.In(at, err))
		}
	}
	return rules, bad
}

// Each calls yield with every parent that a rule names.
func (r ParentRules) Each(yield func(*Parent)) {
	for _, one := range r {
		if one.parent != nil {
			yield(one.parent)
		}
	}
}

// parentOf is the parent that connections to a go through; nil: none.
func (d *Dialer) parentOf(a hosts.Authority) *Parent {
	for _, r := range d.Parents {
		if a.Name != "" && r.hosts.Has(a.Name) {
			return r.parent
		}
	}
	return d.Parent
}

// foresight bounds the look-up of a name that a parent will resolve itself.
const foresight = time.Second

// foresee is what can be known of where a parent will connect to. Behind a
// parent there may be no DNS for the names of others, so knowing nothing is no
// error; an address that may not be dialled is one there too.
func (d *Dialer) foresee(ctx context.Context, a hosts.Authority) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, foresight)
	defer cancel()
	addrs, err := d.Lookup(ctx, a)
	if err != nil && !errors.Is(err, ErrGuarded) {
		return nil, nil
	}
	return addrs, err
}
