// Package directory tells which tenant a domain, a host or a subscription belongs to, and its name;
// cached, survives its sources being down.
//
// It asks Microsoft's public, unauthenticated endpoints and sends no
// credential. What a source says is believed only in the form the source is
// known to say it; no URL inside an answer is ever followed. When a source is
// down, the last good answer stands.
package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// ErrUnknown says that nobody can tell: no rule covers the name, or its source
// says that no tenant owns it.
var ErrUnknown = errors.New("no tenant known")

// ErrUnavailable says that the source could not be asked, or that its answer
// cannot be believed, and no earlier answer is left.
var ErrUnavailable = errors.New("directory source unavailable")

// Config says where a Directory keeps and gets its answers.
type Config struct {
	// Dir is where answers are kept over a restart; it is created 0700. If
	// empty, they are kept in memory only.
	Dir string

	// Transport asks the sources. It must verify them, and must guard against
	// names that lead inside. If nil, a transport of its own is used, without
	// a proxy. Redirects are never followed.
	Transport http.RoundTripper

	// Authority is where domains are asked. If empty,
	// https://login.microsoftonline.com.
	Authority string

	// Management is where subscriptions are asked. If empty,
	// https://management.azure.com.
	Management string

	// Tenants are answers that are given: domains and hosts, or patterns as
	// Settings.Hosts has them, each with its directory ID. They are never asked for and never expire. That
	// contoso.onmicrosoft.com is here says nothing of contoso.sharepoint.com:
	// the two need not belong together.
	Tenants map[string]string

	// TTL is how long an answer is fresh. If zero, 24 hours.
	TTL time.Duration

	// Now tells the time. If nil, time.Now.
	Now func() time.Time
}

// Times that are not settings.
const (
	askTimeout  = 5 * time.Second     // one question
	unknownTTL  = 10 * time.Minute    // a source said that there is no tenant
	retryAfter  = 30 * time.Second    // a source was down (RFC 8767, 5: failure recheck timer)
	longestLife = 90 * 24 * time.Hour // of an answer that nobody could renew
)

// Sources of an Answer.
const (
	Given        = "given"                // Config.Tenants
	OpenID       = "openid-configuration" // Entra's metadata of the domain
	FromResource = "challenge"            // the resource's own 401
)

// Answer is what is known of a name.
type Answer struct {
	Tenant string        // directory ID, lower case
	Source string        // who said it: Given, OpenID or FromResource
	Age    time.Duration // since it was said
	Stale  bool          // older than the TTL, and the source cannot be asked
}

// Directory answers from memory, else from the sources. It is safe for
// concurrent use and starts no goroutine.
type Directory struct {
	transport  http.RoundTripper
	authority  *url.URL
	management *url.URL
	ttl        time.Duration
	now        func() time.Time
	limit      *bucket
	disk       *disk

	mu      sync.RWMutex
	given   map[string]string // domain or host to tenant
	beneath []beneath         // the same for every name beneath a suffix, the longest first
	entries map[key]entry
	flights map[key]*flight
}

// New returns a Directory with what an earlier one kept in cfg.Dir.
func New(cfg Config) (*Directory, error) {
	d := &Directory{
		transport: cfg.Transport, ttl: cfg.TTL, now: cfg.Now,
		given: map[string]string{}, entries: map[key]entry{}, flights: map[key]*flight{},
	}
	if d.transport == nil {
		d.transport = ownTransport()
	}
	if d.ttl <= 0 {
		d.ttl = 24 * time.Hour
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.limit = newBucket(d.now)
	var authorityErr, managementErr, diskErr error
	d.authority, authorityErr = base(cfg.Authority, "https://login.microsoftonline.com")
	d.management, managementErr = base(cfg.Management, "https://management.azure.com")
	d.disk, diskErr = openDisk(cfg.Dir)
	if err := errors.Join(authorityErr, managementErr, diskErr, d.give(cfg.Tenants)); err != nil {
		return nil, err
	}
	d.load()
	return d, nil
}

// base reads the origin of a source: https and a host, nothing else.
func base(s, fallback string) (*url.URL, error) {
	if s == "" {
		s = fallback
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("source %q is not https://host", u.Redacted())
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Domain returns the directory ID of the tenant that verified domain. A
// directory ID may stand for the domain: it is returned if it exists.
func (d *Directory) Domain(ctx context.Context, domain string) (string, error) {
	a, err := d.AskDomain(ctx, domain)
	return a.Tenant, err
}

// Host returns the directory ID of the tenant that owns the host n.
func (d *Directory) Host(ctx context.Context, n hosts.Name) (string, error) {
	a, err := d.AskHost(ctx, n)
	return a.Tenant, err
}

// Subscription returns the directory ID of the tenant of an Azure subscription.
func (d *Directory) Subscription(ctx context.Context, id string) (string, error) {
	a, err := d.AskSubscription(ctx, id)
	return a.Tenant, err
}

// Known returns the tenant of n from memory, without asking anybody and
// without allocating. The answer may be stale.
func (d *Directory) Known(n hosts.Name) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if tenant := d.givenHost(string(n)); tenant != "" {
		return tenant, true
	}
	e := d.entries[key{hostKind, string(n)}]
	return e.Tenant, e.Tenant != "" && d.now().Sub(e.At) < longestLife
}

// AskDomain is Domain with where the answer comes from.
func (d *Directory) AskDomain(ctx context.Context, domain string) (Answer, error) {
	if id, ok := guid(domain); ok {
		return d.ask(ctx, key{domainKind, id}, d.openID)
	}
	n, err := hosts.Parse(domain)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	// login.microsoftonline.com/common and the like are no domains.
	if !strings.Contains(string(n), ".") {
		return Answer{}, fmt.Errorf("%w: %s is no domain", ErrUnknown, n)
	}
	return d.ask(ctx, key{domainKind, string(n)}, d.openID)
}

// AskHost is Host with where the answer comes from.
func (d *Directory) AskHost(ctx context.Context, n hosts.Name) (Answer, error) {
	if canonical, err := hosts.Parse(string(n)); err != nil || canonical != n {
		return Answer{}, fmt.Errorf("%w: %q is no host", ErrUnknown, string(n))
	}
	k := key{hostKind, string(n)}
	if domain := domainOf(n); domain != "" {
		return d.ask(ctx, k, func(ctx context.Context, _ string) (string, error) { return d.openID(ctx, domain) })
	}
	rule, ok := ruleFor(n)
	if !ok {
		if tenant := d.givenFor(k); tenant != "" {
			return Answer{Tenant: tenant, Source: Given}, nil
		}
		return Answer{}, fmt.Errorf("%w: no rule for %s", ErrUnknown, n)
	}
	return d.ask(ctx, k, func(ctx context.Context, _ string) (string, error) {
		return d.challenge(ctx, rule)
	})
}

// AskSubscription is Subscription with where the answer comes from.
func (d *Directory) AskSubscription(ctx context.Context, id string) (Answer, error) {
	canonical, ok := guid(id)
	if !ok {
		return Answer{}, fmt.Errorf("%w: %q is no subscription ID", ErrUnknown, id)
	}
	return d.ask(ctx, key{subscriptionKind, canonical}, func(ctx context.Context, id string) (string, error) {
		return d.challenge(ctx, subscriptionRule(d.management, id))
	})
}

// Name returns a name that people know tenant by: a domain of it that was
// given or asked for. It asks nobody. The shortest domain is taken, one of
// onmicrosoft.com only if there is no other.
func (d *Directory) Name(tenant string) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	best := ""
	for name, t := range d.given {
		if t == tenant {
			best = better(best, name)
		}
	}
	for k, e := range d.entries {
		if e.Tenant == tenant && k.Kind == domainKind && k.Name != tenant {
			best = better(best, k.Name)
		}
	}
	return best, best != ""
}

func better(a, b string) string {
	initialA, initialB := strings.HasSuffix(a, ".onmicrosoft.com"), strings.HasSuffix(b, ".onmicrosoft.com")
	switch {
	case a == "", initialA && !initialB:
		return b
	case initialB && !initialA:
		return a
	case len(b) < len(a), len(b) == len(a) && b < a:
		return b
	}
	return a
}
