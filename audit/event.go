package audit

import (
	"net/netip"
	"time"
)

// Kind says how an event is kept.
type Kind uint8

// The kinds of event.
const (
	Tenant Kind = iota // policy-relevant: never shed, on disk before the answer
	Access             // one per forwarded request, connection or tunnel: may be shed, counted when it is
)

// Event is one line of the event log. Its JSON form is fixed by docs/events.md;
// fields that are empty are left out there unless the contract names them.
type Event struct {
	Kind     Kind
	Time     time.Time // when it happened; the zero time is now
	ID       string    // UUIDv7; made by NewID
	Seq      uint64    // set by the log
	Category []string  // event.category; nil is ["network","web"]
	Type     []string  // event.type; nil is worked out from Denied, Verdict and Category
	Action   string    // event.action: request-blocked, request-forwarded, connection-tunnelled, …
	Denied   bool      // event.type denied and outcome failure, else allowed
	Unknown  bool      // outcome unknown: we tagged it, Entra decides
	Reason   string    // closed list, docs/reasons.md

	Source     netip.AddrPort
	User       string // the proxy's own knowledge of the person only
	Host       string // destination.domain and url.domain; may be hostile text
	Addr       string // destination.ip, where one was dialled
	Port       uint16
	Scheme     string
	Path       string // never the query
	Method     string
	Version    string // http.version: 1.1 or 2
	UserAgent  string
	RequestID  string // http.request.id: the client's own client-request-id, for joining with Entra's logs
	Status     int
	BytesIn    int64 // source.bytes: from the client
	BytesOut   int64 // destination.bytes: from the origin
	Duration   time.Duration
	TLSVersion string // of the client's connection

	OriginTLS OriginTLS // of the connection to the origin, of an access event

	ClientHello string // JA4 of a hello whose handshake failed

	DNS DNS // of a question to the steering resolver for Host

	Plane, Mode, Verdict           string
	Observed                       bool
	Relation                       string
	Rule                           string // path of the setting that decided; empty if none did
	HomeTenant                     string
	ResourceTenant, ResourceDomain string
	AccountTenant                  string
	Credentials                    []Credential
	Links                          []Link
	Mailbox                        Mailbox  // that a request of the data plane says it is for
	Tags, ClientTags               []string // names of headers, never values
	Close                          string   // why a tunnel or connection ended
	For                            string   // id of the tenant event that this access event completes
	Sink                           string   // of an event about the log itself: the sink it speaks of
	Count                          uint64   // of an event about the log itself: how many events or bytes it speaks of

	SignIn SignIn // what a request to a sign-in host says of itself
	Entra  Entra  // what the sign-in service answered, of an access event
}

// OriginTLS is what was agreed on with an origin, and what was known of the
// revocation of its certificate: good, unknown or unchecked.
type OriginTLS struct{ Version, Cipher, Revocation string }

// Most events have none of these parts. To ask field by field takes fewer steps
// than to compare with the zero value.
func (o *OriginTLS) empty() bool { return o.Version == "" && o.Cipher == "" && o.Revocation == "" }

// DNS is a question to the steering resolver and the kind of its answer.
type DNS struct {
	Type      string // of the record: A, AAAA, HTTPS
	Code      string // of the answer: NOERROR, NXDOMAIN
	Transport string // udp, tcp
}

func (q *DNS) empty() bool { return q.Type == "" && q.Code == "" && q.Transport == "" }

// SignIn is what a request to a sign-in host says of who signs in, and to
// what. All of it is the client's word.
type SignIn struct {
	Account string // as typed or hinted
	Tenant  string // as the path names it: directory ID, domain, common, organizations, consumers
	Domain  string // the hint of a domain, where the path names no tenant
	App     string // client_id
	AppName string // Entra's name for a well-known App
	Flow    string // closed list, docs/events.md
	Attempt string // the same for all requests of one sign-in
}

func (s *SignIn) empty() bool {
	return s.Account == "" && s.Tenant == "" && s.Domain == "" && s.App == "" && s.AppName == "" && s.Flow == "" && s.Attempt == ""
}

// Entra is what the sign-in service said of a request.
type Entra struct {
	Code          string // AADSTS number, or the code of a personal account's page
	RequestID     string // its own id, which its logs know
	CorrelationID string
	Blocked       bool // the code is that of a tenant restriction
}

func (a *Entra) empty() bool {
	return a.Code == "" && a.RequestID == "" && a.CorrelationID == "" && !a.Blocked
}

// Link is what an event says of a link between two tenants: what it is, and
// its two ends.
type Link struct {
	Kind, Resource, Target string
	Tenant                 string // of the foreign end, or of the far one; empty if nobody can tell
}

// Mailbox is whose mailbox a request says that it is for: the client's word.
type Mailbox struct{ User, Tenant string }

// Credential is what an event says of a credential. It cannot hold one.
type Credential struct {
	Place, Kind, Tenant, IDP, App, User string
	Verified                            bool
	Digest                              string
}
