package signals

import (
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/policy"
)

// refusal is one host whose leaf a client did not accept.
type refusal struct {
	host   string
	silent int // handshakes that it ended without a word
	pinned, untrusted,
	seen time.Duration // when it was told as which, and when it last happened
}

// distrust are the alerts that say that the certificate is the trouble
// (RFC 8446, 6.2), as crypto/tls writes them.
var distrust = map[string]bool{
	"tls: bad certificate": true, "tls: unsupported certificate": true, "tls: revoked certificate": true,
	"tls: expired certificate": true, "tls: unknown certificate": true, "tls: unknown certificate authority": true,
	"tls: access denied": true,
}

// enough is how often a client hangs up without an alert before that is taken
// for a refusal: a browser that changes its mind does so too.
const enough = 3

// intercepted looks at how the client took our leaf.
func (v *view) intercepted() {
	if v.e.Reason != string(policy.ClientTLSFailed) {
		v.client.trusts = v.now
		return
	}
	if v.e.ClientHello == "" {
		return // it said nothing
	}
	r := v.client.refusal(v.e.Host)
	r.seen = v.now
	switch {
	case distrust[v.e.Close]:
	case v.e.Close == "client closed" || v.e.Close == "reset":
		if r.silent++; r.silent < enough {
			return
		}
	default:
		return
	}
	v.refusedTLS(r)
}

// refusedTLS names an application that refuses our leaf. Where the same client
// takes it on other connections the device trusts the CA, and the application
// pins a certificate or has a trust store of its own.
func (v *view) refusedTLS(r *refusal) {
	reason, told := policy.CANotTrusted, &r.untrusted
	if v.within(v.client.trusts) {
		reason, told = policy.PinnedApplication, &r.pinned
	}
	if v.due(*told) {
		*told = v.now
		v.tell(reason)
	}
}

// refusal returns what is remembered of the client's refusals of one host.
func (c *client) refusal(host string) *refusal {
	least := 0
	for i := range c.refused {
		if c.refused[i].host == host {
			return &c.refused[i]
		}
		if c.refused[i].seen < c.refused[least].seen {
			least = i
		}
	}
	if len(c.refused) < maxRefused {
		c.refused = append(c.refused, refusal{host: strings.Clone(host)})
		return &c.refused[len(c.refused)-1]
	}
	c.refused[least] = refusal{host: strings.Clone(host)}
	return &c.refused[least]
}
