package demo

import (
	"bytes"
	"io"
	"net/http"

	"github.com/tenantgate/tenantgate/hosts"
)

// maxRead bounds the body that an imitated service reads.
const maxRead = 8 << 20

// answer records a request and sends it to whatever its host imitates. A few
// paths are the same on every host, see sites.
func (c *Cloud) answer(w http.ResponseWriter, r *http.Request) {
	// The server's own request keeps its body: by it net/http knows that a
	// client is still sending, and closes without a reset.
	served := r
	r = r.WithContext(r.Context())
	seen := c.recorder.arrive(r)
	defer func() { c.recorder.end(seen, served.Trailer) }()

	if _, alpn := connOf(r).agreed(); (alpn == "h2") != (r.ProtoMajor == 2) && alpn != "" {
		http.Error(w, "agreed on "+alpn+", spoke "+r.Proto, http.StatusHTTPVersionNotSupported)
		return
	}
	authority, err := hosts.ParseAuthority(r.Host, 443)
	if err != nil || authority.Name == "" {
		http.Error(w, "no such host: "+r.Host, http.StatusMisdirectedRequest)
		return
	}
	if site, ok := c.sites.Load(authority.Name); ok {
		site.(http.Handler).ServeHTTP(w, r)
		return
	}
	if generic(r.URL.Path) {
		c.generic.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRead))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body, r.Trailer = io.NopCloser(bytes.NewReader(body)), served.Trailer
	c.imitation(authority.Name)(w, r, authority.Name)
}

// imitation returns what answers for a host.
func (c *Cloud) imitation(n hosts.Name) func(http.ResponseWriter, *http.Request, hosts.Name) {
	switch {
	case consumerHosts.Has(n):
		return c.answerConsumer
	case signInHosts.Has(n):
		return c.answerSignIn
	case graphHosts.Has(n):
		return c.answerGraph
	case sharePointHosts.Has(n):
		return c.answerSharePoint
	case armHosts.Has(n):
		return c.answerARM
	case storageHosts.Has(n):
		return c.answerStorage
	case vaultHosts.Has(n):
		return c.answerVault
	case otherDataHosts.Has(n):
		return c.answerData
	}
	return c.answerSite
}

// Publish lets handler answer for a host that nobody restricts, in the place of
// the page that every such host has. TLS knows a host that was published.
func (c *Cloud) Publish(n hosts.Name, handler http.Handler) { c.sites.Store(n, handler) }

// crossOrigin lets a page of another origin read the answer, as Graph and the
// token endpoint do (their header fields are not documented), and answers the
// question before it (Fetch, 3.3.4). It returns whether that was all.
func crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Origin") == "" {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", r.Header.Get("Access-Control-Request-Method"))
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	w.WriteHeader(http.StatusOK)
	return true
}
