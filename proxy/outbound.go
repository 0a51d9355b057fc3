package proxy

import (
	"context"
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// hopByHop tells whether a field ends at a proxy (RFC 9110, 7.6.1), or only
// ever meant one.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Proxy-Authentication-Info", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Alt-Used":
		return true
	}
	return false
}

// outbound makes the request that leaves, still without a body. It shares the
// header of what came, cleaned: its own view of it is not needed any more.
func (x *exchange) outbound(ctx context.Context, websocket bool) {
	out, f := x.in.WithContext(ctx), &x.fields
	originURL(&x.hints.target, x.in, x.client.dst)
	out.URL = &x.hints.target
	out.Host = out.URL.Host // the canonical spelling, whatever the client's was
	out.RequestURI = ""
	out.Close = false
	h := out.Header
	if f.hops {
		removeHopByHop(h)
	}
	if f.host != nil {
		delete(h, "Host")
	}
	if websocket {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	if httpguts.HeaderValuesContainsToken(f.te, "trailers") {
		h["Te"] = []string{"trailers"} // RFC 9113, 8.2.2: the one value HTTP/2 knows
	}
	if f.agent == nil || f.hops {
		if _, ok := h["User-Agent"]; !ok {
			h["User-Agent"] = nil // else the transport names itself
		}
	}
	out.Trailer, out.Body = nil, http.NoBody
	x.out = out
}

// removeHopByHop deletes hop-by-hop fields and whatever Connection nominates,
// on every line and in every spelling of it.
func removeHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.TrimString(name); name != "" {
				h.Del(name)
			}
		}
	}
	for name := range h {
		if hopByHop(name) {
			delete(h, name)
		}
	}
}

// upgradesToWebSocket tells whether r asks for a WebSocket, the one protocol
// that may be upgraded to. Everything else (h2c above all, golang/go#80416)
// stays HTTP.
func upgradesToWebSocket(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Method == http.MethodGet && httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade") &&
		len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket")
}

// declared returns the announced trailers that may leave, without values.
func declared(t http.Header, restriction func(name string) bool) http.Header {
	out := make(http.Header, len(t))
	for name := range t {
		if !restriction(name) && httpguts.ValidTrailerHeader(name) {
			out[name] = nil
		}
	}
	return out
}
