package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
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
	trace  httptrace.ClientTrace
	giveUp context.CancelCauseFunc
	conns  atomic.Int32 // new ones that the request was given

	mu sync.Mutex
	w  http.ResponseWriter // nil when it is too late for hints, or for a client that knows none
	n  int
}

// listen returns r's context with a hook for informational answers to w, if
// the client understands them.
func (h *hints) listen(r *http.Request, w http.ResponseWriter) context.Context {
	if r.ProtoAtLeast(1, 1) {
		h.w = w
	}
	ctx, giveUp := context.WithCancelCause(r.Context())
	h.giveUp = giveUp // else it ends with r's
	h.trace.Got1xxResponse, h.trace.GotConn = h.pass, h.connected
	return httptrace.WithClientTrace(ctx, &h.trace)
}

// connected gives the request up that had too many connections.
func (h *hints) connected(got httptrace.GotConnInfo) {
	if !got.Reused && h.conns.Add(1) > maxConns {
		h.giveUp(errConns)
	}
	settle(got)
}

// why tells what err came of: the transport says no more than that the request
// was cancelled.
func (h *hints) why(err error) error {
	if h.conns.Load() > maxConns {
		return errConns
	}
	return err
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
	for name, values := range from {
		header[name] = values
	}
	cleanAnswer(header)
	h.w.WriteHeader(code)
	clear(header)
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
