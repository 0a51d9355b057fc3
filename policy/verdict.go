// Package policy turns what was seen into a verdict; pure.
//
// It asks no clock, no network and no logger: the same input has the same
// verdict, so a table of rows is its whole test. The zero Verdict blocks.
package policy

import "github.com/tenantgate/tenantgate/tokens"

// Action is what becomes of a connection or a request. The zero Action blocks.
type Action uint8

// The actions. Tunnel and Intercept are for connections, Forward for requests.
const (
	Block Action = iota
	Tunnel
	Intercept
	Forward
)

// String returns the action as events spell it.
func (a Action) String() string {
	switch a {
	case Tunnel:
		return "tunnel"
	case Intercept:
		return "intercept"
	case Forward:
		return "forward"
	default:
		return "block"
	}
}

// Relation is the pair of whose account and whose resource, in Entra's words.
type Relation string

// The relations, from harmless to worst: where a request has several
// credentials, the event names the worst.
const (
	None       Relation = "none"       // nobody is named
	Home       Relation = "home"       // our account, our resource
	Inbound    Relation = "inbound"    // an external account, our resource
	Outbound   Relation = "outbound"   // our account, an external resource
	Unreadable Relation = "unreadable" // nobody can tell
	Consumer   Relation = "consumer"   // a personal account, a resource that is not ours
	External   Relation = "external"   // an external account, an external resource
)

func (r Relation) rank() int {
	switch r {
	case Home:
		return 1
	case Inbound:
		return 2
	case Outbound:
		return 3
	case Unreadable:
		return 4
	case Consumer:
		return 5
	case External:
		return 6
	default:
		return 0
	}
}

// Plane is the part of Microsoft's cloud that a host belongs to.
type Plane string

// The planes, as events spell them.
const (
	Auth  Plane = "auth"  // sign-in hosts
	Data  Plane = "data"  // hosts that carry tokens
	ARM   Plane = "arm"   // Azure Resource Manager
	Other Plane = "other" // everything else
)

// Verdict is a decision with its reason. The zero Verdict blocks.
type Verdict struct {
	Action   Action
	Reason   Reason
	Relation Relation      // of a request; empty for a connection
	Observed bool          // would have been blocked, is let through because the mode is observe
	Resource tokens.Tenant // whose resource; empty if unknown
	Account  tokens.Tenant // whose account; empty if unknown
	Rule     string        // path of the setting that decided; empty if none did
}

// Blocked tells whether the verdict is to refuse.
func (v Verdict) Blocked() bool { return v.Action == Block }

// Relevant tells whether the verdict is evidence, a tenant event: it refuses,
// would have refused, or lets through what an administrator decides on. An
// origin that is broken is nobody's attempt.
func (v Verdict) Relevant() bool {
	switch v.Reason {
	case OriginUnreachable, OriginTimeout, OriginUntrusted, ParentAuth, Overloaded:
		return false
	}
	if v.Action == Block || v.Observed {
		return true
	}
	switch v.Reason {
	case ExemptHost, UntaggedSignIn, RestrictedAddress, AnonymousLink, ExternalSession, ExternalKey, UninspectableBody,
		LinkExternal, LinkUnknown, LinkUnreadable, DNSElsewhere:
		return true
	default:
		return v.Relation.rank() > Home.rank()
	}
}

// worse returns the verdict that weighs more: a refusal before an observed
// one before a permission, then the relation further from home.
func worse(a, b Verdict) Verdict {
	if b.weight() > a.weight() {
		return b
	}
	return a
}

func (v Verdict) weight() int {
	w := 10 * v.Relation.rank()
	switch v.Reason {
	case AnonymousLink, ExternalSession, ExternalKey, DNSElsewhere:
		w += 17 // worth a record, more so than a home account
	case LinkUnknown, LinkUnreadable:
		w += 18
	case LinkExternal:
		w += 19
	}
	switch {
	case v.Action == Block:
		w += 2000
	case v.Observed:
		w += 1000
	}
	return w
}
