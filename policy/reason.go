package policy

// Reason says why a verdict is what it is. The list is closed: docs/reasons.md
// has a line for each, and a test compares the two.
type Reason string

// Reasons of a connection.
const (
	UnlistedHost      Reason = "unlisted-host"      // nobody restricts it: tunnelled, not decrypted
	UnlistedBlocked   Reason = "unlisted-blocked"   // policy.unlisted says block
	RestrictedHost    Reason = "restricted-host"    // decrypted and judged request by request
	ExemptHost        Reason = "exempt-host"        // must never be decrypted: tunnelled and recorded
	ExemptBlocked     Reason = "exempt-blocked"     // policy.exempt says block
	UntaggedSignIn    Reason = "untagged-sign-in"   // a sign-in name on which tenant restrictions are not enforced
	RestrictedAddress Reason = "restricted-address" // an unlisted name or address that leads to Entra's sign-in service
	GuardedAddress    Reason = "guarded-address"    // loopback, private, link-local, metadata or reserved
	PortNotAllowed    Reason = "port-not-allowed"
	AddressLiteral    Reason = "address-literal" // an IP address without a name in the TLS hello
	ProxyLoop         Reason = "proxy-loop"      // the proxy itself is the destination
	NotTLS            Reason = "not-tls"         // a tunnel whose first bytes are not TLS
	MalformedHello    Reason = "malformed-hello" // a TLS hello that cannot be read, or names no host where it must
	OutsideCA         Reason = "outside-ca"      // a restricted host that the interception CA may not speak for
	ClientTLSFailed   Reason = "client-tls-failed"
	DNSElsewhere      Reason = "encrypted-dns" // somebody else's resolver over TLS, or a relay; also of a request
)

// Reasons of a request that is refused in every mode.
const (
	MalformedAuthority Reason = "malformed-authority"
	MalformedRequest   Reason = "malformed-request"
	AuthorityMismatch  Reason = "authority-mismatch" // for another host than the connection's
	PlainHTTP          Reason = "plain-http"         // plain http to a restricted host
	NotRecorded        Reason = "not-recorded"       // the event could not be written
	Overloaded         Reason = "overloaded"         // a limit on connections or streams
	UnsupportedMethod  Reason = "unsupported-method" // CONNECT inside an intercepted connection, extended CONNECT
)

// Reasons that come from the origin.
const (
	OriginUnreachable Reason = "origin-unreachable"
	OriginTimeout     Reason = "origin-timeout"
	OriginUntrusted   Reason = "origin-untrusted" // its certificate or TLS was refused
	ParentAuth        Reason = "parent-auth"      // the parent proxy answered 407
)

// Reasons that come from whose the credentials are.
const (
	NoCredential         Reason = "no-credential"    // the service will ask for a sign-in
	OtherProvider        Reason = "other-provider"   // a service that is not Microsoft's; it decides by the tag
	SignIn               Reason = "sign-in"          // forwarded to a sign-in host; Entra decides by the tag
	HomeAccount          Reason = "home-account"     // ours, to ours
	InboundAccount       Reason = "inbound-account"  // a guest here
	OutboundAccount      Reason = "outbound-account" // ours, a guest there
	ExternalAccount      Reason = "external-account" // theirs, to theirs
	ConsumerAccount      Reason = "consumer-account" // a personal account
	PartnerAccount       Reason = "partner-account"  // an organization's own entry says allow
	UnreadableCredential Reason = "unreadable-credential"
	UninspectableBody    Reason = "uninspectable-body" // a body that may carry credentials and cannot be read within limits
	AnonymousLink        Reason = "anonymous-link"
	ExternalSession      Reason = "external-session" // a cookie on an external tenant's host
	ExternalKey          Reason = "external-key"     // SAS, shared key, PAT or Basic on an external or unknown tenant's host
)

// Reasons that come from the links a request would make.
const (
	LinkExternal   Reason = "link-external"   // an end of another tenant, or one open to every tenant
	LinkUnknown    Reason = "link-unknown"    // an end that nobody can tell the tenant of
	LinkUnreadable Reason = "link-unreadable" // the request hides where it leads
)

// Reasons of a signal, which package signals gives: no verdict has one.
const (
	TokenWithoutSignIn Reason = "token-without-sign-in" // another tenant's token whose sign-in was not seen here
	HostNotIntercepted Reason = "host-not-intercepted"  // a restricted host that no longer is, or no longer comes here
	SignInsStopped     Reason = "sign-ins-stopped"      // a client goes on using tokens and signs in elsewhere
	ClientSentTags     Reason = "client-sent-tags"      // restriction headers of the client's own
	PinnedApplication  Reason = "pinned-application"    // a client refuses our leaf on one host and takes it on others
	CANotTrusted       Reason = "ca-not-trusted"        // a client refuses our leaf and has not taken any
)

// Reasons of the self-proof, by which the proxy shows that it restricts.
const (
	SelfProofFailed   Reason = "self-proof-failed"   // a check of the doctor's says that sign-ins are not restricted
	SelfProofRestored Reason = "self-proof-restored" // they are again
)

// Reasons of a question to the steering resolver, which package resolver
// answers: no verdict has one.
const (
	NameSteered     Reason = "name-steered"     // a restricted name: the proxy's address, or nothing
	NameWithheld    Reason = "name-withheld"    // would lead to another resolver, a relay, or a proxy by its name
	NameForwarded   Reason = "name-forwarded"   // as an upstream answers, now or before
	NameUnanswered  Reason = "name-unanswered"  // no upstream answered
	QuestionRefused Reason = "question-refused" // not a client, too often, or no question for a resolver
)
