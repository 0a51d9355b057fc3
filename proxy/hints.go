package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"net/url"
	"sync"
	"sync/atomic"
)

// maxHints bounds the informational answers to one request: net/http leaves
// that to whoever listens to them.
const maxHints = 16

// maxConns bounds the new connections that one request is sent over. net/http
// goes on for as long as an origin ends each HTTP/2 connection in good order
// before it answers (GOAWAY that names no stream; RFC 9113, 6.8).
const maxConns = 4

var (
	errHints = errors.New("too many informational answers")
	errConns = errors.New("each connection was ended before an answer")
)

// hints passes 103 and 102 on. The transport may still have one when its round
// trip is over, so it does not share anything with the exchange.
type hints struct {
	context.Context
	trace httptrace.ClientTrace
	conns atomic.Int32 // new ones that were dialled for the request
	got   atomic.Int32 // those that it was to be sent over

	target url.URL // of the request that leaves; here because it lives as long

	door  *door // where the reader of a new connection takes its turns
	from  netip.Addr
	found func() // called once it has a connection; may be nil

	alone bool   // it takes a connection of its own
	dials *dials // where new ones are made; see dialling
	turn  *turn  // what a new one waits for; the dialling guards it

	mu sync.Mutex
	w  http.ResponseWriter // nil when it is too late for hints, or for a client that knows none
	n  int
}

// listen returns r's context with a hook for informational answers to w, if
// the client understands them. Alone is a request that takes a connection of
// its own.
func (h *hints) listen(r *http.Request, w http.ResponseWriter, alone bool) context.Context {
	if r.ProtoAtLeast(1, 1) {
		h.w = w
	}
	h.Context, h.alone = r.Context(), alone
	h.trace.Got1xxResponse, h.trace.GotConn = h.pass, h.gets
	return httptrace.WithClientTrace(h, &h.trace)
}

// hintsKey is how a dialler finds the request that it dials for.
type hintsKey struct{}

// Value implements context.Context.
func (h *hints) Value(key any) any {
	if key == (hintsKey{}) {
		return h
	}
	return h.Context.Value(key)
}

// gets is called when the request is to be sent over a connection.
func (h *hints) gets(c httptrace.GotConnInfo) {
	h.got.Add(1)
	if h.found != nil {
		h.found()
	}
	settle(c)
}

// hintsOf is the request that ctx is of; nil where that wants no hints.
func hintsOf(ctx context.Context) *hints {
	h, _ := ctx.Value(hintsKey{}).(*hints)
	return h
}

// pass passes one answer on. 100 Continue is net/http's own: the server sends
// it when the transport, which waits for the origin's, reads the body.
func (h *hints) pass(code int, from textproto.MIMEHeader) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n++; h.n > maxHints {
		return errHints
	}
	if code == http.StatusContinue || h.w == nil {
		return nil
	}
	header := h.w.Header()
	last := header["Connection"] // close, where the proxy leaves: the answer's, not a hint's
	for name, values := range from {
		header[name] = values
	}
	cleanAnswer(header)
	h.w.WriteHeader(code)
	clear(header)
	if last != nil {
		header["Connection"] = last
	}
	return nil
}

// end makes it too late.
func (h *hints) end() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.w = nil
}
