package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/peer"
)

// OriginTLS says what is asked of an origin's TLS. The zero value asks all
// that can be asked without being told anything, and trusts the system's roots.
type OriginTLS struct {
	Roots   *x509.CertPool               // if nil, the system's
	Private []*x509.Certificate          // roots of the operator's own: how long their leaves live is not our affair
	Ours    func(*x509.Certificate) bool // tells the certificates of the CA that mints our leaves
	SignIn  hosts.Set                    // hosts that may not ask for a client certificate, see present
	Revoked *RevocationLists             // if nil, only what an origin staples is known
	Metrics *Metrics

	known *lru.Cache[*x509.Certificate, revocation] // by servers' certificates; for events
}

// Transport returns the one transport for requests to origins over d.
func (o *OriginTLS) Transport(d *Dialer) *http.Transport {
	o.known, _ = lru.New[*x509.Certificate, revocation](knownCertificates) // fails for sizes below one
	t := newTransport(d)
	t.TLSClientConfig = o.config()
	return t
}

// knownCertificates bounds what is remembered of certificates.
const knownCertificates = 4096

// tell says in an event what was agreed on with an origin.
func (o *OriginTLS) tell(cs *tls.ConnectionState) (e audit.OriginTLS) {
	if cs == nil {
		return e
	}
	e.Version, e.Cipher = tls.VersionName(cs.Version), cipherNames[cs.CipherSuite]
	if o != nil && o.known != nil && len(cs.PeerCertificates) > 0 {
		state, _ := o.known.Get(cs.PeerCertificates[0])
		e.Revocation = string(state)
	}
	return e
}

// cipherNames are IANA's. crypto/tls makes its list anew for each question.
var cipherNames = nameCiphers()

func nameCiphers() map[uint16]string {
	names := map[uint16]string{}
	for _, suite := range tls.CipherSuites() {
		names[suite.ID] = suite.Name
	}
	return names
}

// config always verifies: crypto/tls first, then verify. It never speaks
// anything older than TLS 1.2 and never tries again with less.
func (o *OriginTLS) config() *tls.Config {
	c := o.trust().Config()
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4096)
	c.VerifyConnection, c.GetClientCertificate = o.verify, o.present
	return c
}

func (o *OriginTLS) trust() *peer.Trust {
	return &peer.Trust{Roots: o.Roots, Private: o.Private, Ours: o.Ours}
}

// verify judges what crypto/tls has verified, resumed connections too. Where
// several chains lead to a root, one that breaks no rule is enough.
func (o *OriginTLS) verify(cs tls.ConnectionState) error {
	var first error = &OriginFault{"unverified", "no chain of certificates leads to a root"}
	for i, chain := range cs.VerifiedChains {
		err := o.judge(chain, cs)
		if err == nil {
			return nil
		}
		if i == 0 {
			first = err
		}
	}
	return first
}

func (o *OriginTLS) judge(chain []*x509.Certificate, cs tls.ConnectionState) error {
	if fault := o.trust().Broken(chain, cs.ServerName); fault != nil {
		return (*OriginFault)(fault)
	}
	state, err := o.judgeRevocation(chain, cs.OCSPResponse, time.Now())
	if err == nil {
		o.known.Add(chain[0], state)
	}
	return err
}

// present answers an origin that asks for a client certificate. There is none
// to give. On a sign-in host, where it would be the sign-in itself, saying so
// silently is a sign-in that fails for no visible reason: the connection is
// refused, and such hosts are exempt from interception (certauth.*).
func (o *OriginTLS) present(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c, ok := asked.Context().Value(clientKey{}).(*client)
	if ok && o.SignIn.Has(c.dst.Name) {
		return nil, &OriginFault{"client-certificate", "a sign-in host asks for a client certificate"}
	}
	return &tls.Certificate{}, nil // the empty list of RFC 8446, 4.4.2
}
