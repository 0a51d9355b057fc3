package proxy

import (
	"crypto/tls"
	"net/http"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantgate/tenantgate/hosts"
)

// A mirror remembers which origins do not speak HTTP/2, so that a client is
// not offered what its origin does not have. The first connection to a host is
// offered both, and translated: what an origin speaks is known once it was
// asked, and it is asked when a request may be sent and not before.
type mirror struct {
	old    *lru.Cache[hosts.Authority, struct{}]
	config *tls.Config // what clients of such origins are offered
}

// mirrored bounds how many origins are remembered.
const mirrored = 4096

func newMirror(offer *tls.Config) mirror {
	m := mirror{config: offer.Clone()}
	m.config.NextProtos = []string{"http/1.1"}
	m.config.GetConfigForClient = nil
	m.old, _ = lru.New[hosts.Authority, struct{}](mirrored) // fails for sizes below one
	return m
}

// learn notes, once for each client's connection, what the origin has chosen of
// h2 and http/1.1. A request that upgrades is sent over a connection to which
// only the latter was offered.
func (m *mirror) learn(c *client, sent *http.Request, resp *http.Response) {
	if resp.TLS == nil || len(sent.Header["Upgrade"]) > 0 || c.mirrored.Load() || c.mirrored.Swap(true) {
		return
	}
	a := c.dst
	if resp.TLS.NegotiatedProtocol == "h2" {
		m.old.Remove(a)
		return
	}
	m.old.Add(a, struct{}{})
}

// offer is what a client of a is offered; nil is both. A client that knows
// HTTP/2 alone is served in it and translated: gRPC libraries are like that.
func (m *mirror) offer(a hosts.Authority, known []string) *tls.Config {
	if m.old.Contains(a) && (len(known) == 0 || slices.Contains(known, "http/1.1")) {
		return m.config
	}
	return nil
}
