package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/directory"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/resolver"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// surroundings are what a configuration is built in: the real network, no
// network, or the demo's.
type surroundings struct {
	offline   bool   // ask nobody: partners' domains stay what the cache says
	digestKey []byte // keys the digests of credentials
	roots     []byte // more roots to trust, PEM
	resolver  proxy.Resolver
	connect   func(ctx context.Context, a netip.AddrPort) (net.Conn, error)
	allow     []netip.Prefix
	own       func(netip.AddrPort) bool
	ours      func(*x509.Certificate) bool // tells the CA that mints our leaves; nil: the one in the state directory
	trust     *peer.Trust                  // whom our clients believe; nil: as the file says
	metrics   *proxy.Metrics
	log       *slog.Logger

	passed  []*os.File // sockets that were open before the start
	replace bool       // take over from who runs on the state directory
}

var offline = surroundings{offline: true, digestKey: make([]byte, 32)}

// built is what one configuration amounts to.
type built struct {
	file       config.File
	rules      *proxy.Rules
	restricted hosts.Set
	brought    hosts.Set       // what PAC and resolver bring here: restricted hosts, and sign-in names that are refused
	dns        *resolver.Rules // nil: no resolver
	pac        *pac.Files
	directory  *directory.Directory
	unresolved []string // partners' domains that nobody could tell the tenant of
}

// assemble makes the rules that f describes. "check" calls it and stops there;
// it writes nothing and, offline, asks nobody. Errors are *setting.Error with
// whole paths, all of them at once.
func assemble(f config.File, in surroundings) (*built, error) {
	b := &built{file: f}
	tags, err1 := tagging.New(f.Tagging, f.Tenant.ID, f.Tenant.Policy)
	finder, err2 := tokens.New(f.Tokens, in.digestKey)
	if believed, err := believe(f, in); err == nil {
		in.trust = believed
	}
	origin, trusted, err3 := upstream(f, in)
	err := errors.Join(setting.In("tagging", err1), setting.In("tokens", err2), setting.In("upstream", err3), setting.In("events", f.Events.Check()), setting.In("signals", f.Signals.Check()), setting.In("doctor", f.Doctor.Check(f.Tenant.ID)))
	if tags == nil || finder == nil {
		return nil, err
	}
	var transport *http.Transport
	if err3 == nil {
		trusted.SignIn = tags.Hosts()
		transport = trusted.Transport(origin)
	}
	b.restricted = proxy.Restricted(tags, finder)
	b.brought = b.restricted.Union(tags.Refused())
	rules, err6 := steer(f, b.brought, in)
	b.dns, err = rules, errors.Join(err, err6)
	files, err7 := pac.New(f.PAC, pacHosts(b.brought, tags))
	b.pac, err = files, errors.Join(err, setting.In("pac", err7))
	if err3 == nil {
		d, err4 := newDirectory(f, transport, in.offline)
		b.directory = d
		err = errors.Join(err, err4)
	}
	f.Policy.Links = f.Links
	pol, err5 := policy.New(f.Policy, tokens.Tenant(f.Tenant.ID), f.Mode == config.Observe, policy.Hosts{
		SignIn: tags.Hosts(), ARM: tokens.ARM, Restricted: b.restricted,
		Exempt: tagging.Exempt(), Refused: tags.Refused(), Tagged: proxy.Tagged(tags, finder),
	}, b.resolve(in.offline))
	b.unresolved = domains(pol.LeftOut())
	if !in.offline {
		err5 = errors.Join(err5, refuseLoose(pol.LeftOut()))
	}
	if err = errors.Join(err, setting.In("policy", err5), setting.In("links", f.Links.Check())); err != nil {
		return nil, err
	}
	b.rules = &proxy.Rules{
		Tags: tags, Tokens: finder, Policy: pol, Origin: origin, HTTP: transport, Trust: trusted,
		Ports: ports(f.Upstream.Ports), Hash: hash(f),
	}
	b.rules.Owner = b.owner
	b.rules.Subscription, b.rules.Domain = b.asking(in.offline)
	if in.offline {
		b.rules.Owner = b.known
	}
	return b, nil
}

// upstream builds the way to origins.
func upstream(f config.File, in surroundings) (*proxy.Dialer, *proxy.OriginTLS, error) {
	u := f.Upstream
	believed, _ := believe(f, in) // what is wrong with it is told with trust
	parent, parents, err := parentsOf(u, believed, in)
	allow, err1 := prefixes(u.AllowAddresses)
	d := &proxy.Dialer{
		Resolver: in.resolver, Connect: in.connect, Own: in.own, Parent: parent, Parents: parents,
		Allow: append(allow, in.allow...),
	}
	if u.Resolver != "" {
		d.Resolver = resolverAt(u.Resolver)
	}
	trusted, err2 := trust(f, d, in)
	if err = errors.Join(err, err2, err1); err != nil {
		return nil, nil, err
	}
	return d, trusted, nil
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	var bad error
	for i, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			bad = errors.Join(bad, setting.Errorf(fmt.Sprintf("allow_addresses[%d]", i), "write CIDRs such as 10.1.2.0/24", "%q is not a CIDR", s))
			continue
		}
		all = append(all, p)
	}
	return all, bad
}

// resolverAt asks one DNS server and nobody else.
func resolverAt(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}
}

func ports(list []int) []uint16 {
	all := make([]uint16, len(list))
	for i, p := range list {
		all[i] = uint16(p)
	}
	return all
}

// hash identifies a configuration in metrics and logs, without its secrets.
func hash(f config.File) string {
	f.Upstream.Parent, f.Upstream.Parents, f.Policy.Sync.Secret, f.Doctor.Canary.Secret = "", withoutPasswords(f.Upstream.Parents), "", ""
	text, err := json.Marshal(f)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// newDirectory opens what is remembered of tenants. Offline it makes nothing:
// check runs as anybody, and before the state directory is there.
func newDirectory(f config.File, transport http.RoundTripper, offline bool) (*directory.Directory, error) {
	dir := stateDir(f, "directory")
	if _, err := os.Stat(dir); offline && err != nil {
		dir = ""
	}
	own := make(map[string]string, len(f.Tenant.Domains))
	for _, domain := range f.Tenant.Domains {
		own[domain] = f.Tenant.ID
	}
	if err := f.Directory.Check(); err != nil {
		return nil, setting.In("directory", err)
	}
	maps.Copy(own, f.Directory.Hosts)
	return directory.New(directory.Config{Dir: dir, Transport: transport, Tenants: own})
}

// resolve tells the tenant of a partner's domain.
func (b *built) resolve(offline bool) policy.Resolve {
	return func(domain string) (tokens.Tenant, bool) {
		if b.directory == nil {
			return "", false
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if offline {
			cancel()
		}
		answer, err := b.directory.Domain(ctx, domain)
		tenant, ok := tokens.ParseTenant(answer)
		return tenant, err == nil && ok
	}
}

// ownerWait bounds how long a request waits to learn whose host it is for.
const ownerWait = 3 * time.Second

// known is owner without asking anybody.
func (b *built) known(_ context.Context, n hosts.Name) tokens.Tenant {
	t, _ := b.directory.Known(n)
	return tokens.Tenant(t)
}

// owner tells which tenant a host belongs to; empty if nobody can tell. An
// answer that is fresh costs no network.
func (b *built) owner(ctx context.Context, n hosts.Name) tokens.Tenant {
	ctx, cancel := context.WithTimeout(ctx, ownerWait)
	defer cancel()
	answer, err := b.directory.Host(ctx, n)
	if err != nil {
		return ""
	}
	return tokens.Tenant(answer)
}

// asking returns how the tenants of subscriptions and of mail domains are told.
// Offline, only what is remembered counts.
func (b *built) asking(offline bool) (subscription, domain func(context.Context, string) tokens.Tenant) {
	with := func(ask func(context.Context, string) (string, error)) func(context.Context, string) tokens.Tenant {
		return func(ctx context.Context, name string) tokens.Tenant {
			ctx, cancel := context.WithTimeout(ctx, ownerWait)
			defer cancel()
			if offline {
				cancel()
			}
			answer, err := ask(ctx, name)
			if err != nil {
				return ""
			}
			return tokens.Tenant(answer)
		}
	}
	return with(b.directory.Subscription), with(b.directory.Domain)
}
