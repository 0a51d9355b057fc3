package proxy

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// uploadIdle bounds the wait for the next bytes of a request's body.
const uploadIdle = 2 * time.Minute

func (s *Server) uploadIdle() time.Duration { return min(uploadIdle, s.idleTimeout()) }

// hasBody tells whether r comes with a body.
func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// bodyOf gives x.out the body of x.in. It returns nil where there is none.
func bodyOf(x *exchange) *countingBody {
	in, out := x.in, x.out
	if !hasBody(in) {
		return nil
	}
	b := x.server.counting(x.w, in)
	if len(in.Trailer) > 0 {
		b.trailer = declared(in.Trailer, x.site.Restriction)
		out.Trailer = b.trailer
	}
	out.Body = b
	return b
}

// timely ends an upload in clear whose next bytes do not come.
func (s *Server) timely(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hasBody(r) && r.Method != http.MethodConnect {
			b := s.counting(w, r)
			defer b.end()
			r.Body = b
		}
		h.ServeHTTP(w, r)
	})
}

func (s *Server) counting(w http.ResponseWriter, r *http.Request) *countingBody {
	return &countingBody{ReadCloser: r.Body, in: r, control: http.NewResponseController(w), idle: s.uploadIdle()}
}

// countingBody counts what is read of a request's body, ends it when nothing
// comes any more, and carries over its announced trailers, and no others.
type countingBody struct {
	io.ReadCloser
	in      *http.Request
	idle    time.Duration
	trailer http.Header
	n       atomic.Int64

	mu      sync.Mutex
	control *http.ResponseController // nil once the request is over
}

// Read implements io.Reader. The transport may call it after the request is
// over (net/http.RoundTripper), when the server's side is gone.
func (b *countingBody) Read(p []byte) (int, error) {
	if !b.expect(time.Now().Add(b.idle)) {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	if err == io.EOF {
		b.expect(time.Time{})
		for name := range b.trailer {
			b.trailer[name] = b.in.Trailer[name]
		}
	}
	return n, err
}

// expect makes the client's next bytes due at t. It returns false once the
// request is over.
func (b *countingBody) expect(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.control == nil {
		return false
	}
	_ = b.control.SetReadDeadline(t)
	return true
}

// end lets go of the server's side.
func (b *countingBody) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.control = nil
}

// size returns the bytes read so far.
func (b *countingBody) size() int64 {
	if b == nil {
		return 0
	}
	return b.n.Load()
}
