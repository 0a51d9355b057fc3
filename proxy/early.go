package proxy

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// lingering is how long the rest of a request is waited for once it is
// answered, so that a client which is still sending reads its answer before
// the connection is reset.
const lingering = 500 * time.Millisecond

// early lets h answer an HTTP/1.1 request before all of it has come (RFC 9110,
// 7.5). net/http would first read up to 256 KiB of what the client still
// sends, throw it away, and wait for a client that says nothing
// (golang.org/issue/15527). Over HTTP/2 an answer waits for nothing.
func early(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || !hasBody(r) || r.Method == http.MethodConnect {
			h.ServeHTTP(w, r)
			return
		}
		a := &arriving{ResponseWriter: w, body: r.Body}
		r = r.WithContext(r.Context()) // net/http looks at the body of its own when the request is over
		r.Body = a
		defer a.Close()
		h.ServeHTTP(a, r)
	})
}

// arriving is a request's body, of which not all may have come, and the way
// back for its answer. The connection ends with an answer that comes before
// the whole request, and the answer says so (RFC 9112, 9.6).
type arriving struct {
	http.ResponseWriter
	body  io.Reader
	whole atomic.Bool
}

// WriteHeader implements http.ResponseWriter.
func (a *arriving) WriteHeader(status int) {
	if status >= http.StatusOK && !a.whole.Load() {
		a.Header().Set("Connection", "close")
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (a *arriving) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Read implements io.Reader.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if err == io.EOF {
		a.whole.Store(true)
	}
	return n, err
}

// Close implements io.Closer: nobody wants the rest. Whoever still waits for
// it, in the transport or in net/http, waits no longer than lingering.
func (a *arriving) Close() error {
	if a.whole.Load() {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).SetReadDeadline(time.Now().Add(lingering))
}
