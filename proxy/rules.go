package proxy

import (
	"context"
	"net/http"
	"slices"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// Rules is one immutable snapshot of everything that a reload may change. A
// request loads it once and holds it to its end.
type Rules struct {
	Tags   *tagging.Table
	Tokens *tokens.Finder
	Policy *policy.Policy
	Origin *Dialer           // reaches origins; every address passes its guard
	HTTP   http.RoundTripper // carries requests to origins over Origin
	Trust  *OriginTLS        // what HTTP asks of origins; if nil, events do not tell what was known of revocation
	Ports  []uint16          // ports that CONNECT may name

	// Owner tells which tenant a host belongs to, if that is known or can be
	// asked for. If nil, no host belongs to anybody.
	Owner func(ctx context.Context, n hosts.Name) tokens.Tenant

	// Subscription and Domain tell the tenant of an Azure subscription and of a
	// mail domain; empty if nobody can tell. If nil, nobody can.
	Subscription func(ctx context.Context, id string) tokens.Tenant
	Domain       func(ctx context.Context, domain string) tokens.Tenant

	// Hash identifies the configuration in metrics; it may be empty.
	Hash string
}

// Restricted returns what is decrypted: the sign-in hosts that read tags, the
// hosts that carry tokens, and those of other services that are configured,
// less those that must never be decrypted.
func Restricted(t *tagging.Table, f *tokens.Finder) hosts.Set {
	return t.Hosts().Union(f.Hosts()).Union(t.Providers()).Without(tagging.Exempt())
}

// Tagged returns the hosts that are decrypted for their tag alone: those of
// other services that carry no token of Microsoft's.
func Tagged(t *tagging.Table, f *tokens.Finder) hosts.Set { return t.Providers().Without(f.Hosts()) }

func (r *Rules) portAllowed(port uint16) bool { return slices.Contains(r.Ports, port) }

// mode is how events spell whether refusals are carried out.
func (r *Rules) mode() string {
	if r.Policy.Observe() {
		return "observe"
	}
	return "enforce"
}
