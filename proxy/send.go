package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/tenantgate/tenantgate/policy"
)

var (
	errNoRecorder = errors.New("no recorder")
	errUnread     = errors.New("the client does not read its answer")
)

// send forwards the request, passes the answer on as it comes, and records
// how that ended.
func (x *exchange) send(v policy.Verdict) {
	defer x.finish()
	resp, err := x.roundTrip()
	x.hints.end()
	if err != nil {
		x.broken(err)
		return
	}
	x.status = resp.StatusCode
	x.agreed = x.rules.Trust.tell(resp.TLS)
	x.server.mirror.learn(x.client, x.out, resp)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		x.switchProtocols(resp)
		return
	}
	defer resp.Body.Close()
	if x.admitAnswer(resp) {
		x.pass(resp)
	}
}

func (x *exchange) roundTrip() (*http.Response, error) {
	if s := x.server; s.rush.several(x.start) {
		at := seat{of: x.hints.from, origin: x.client.dst}
		if err := s.seeking.enter(x.in.Context(), at, orDefault(x.rules.Origin.Timeout, dialTimeout)); err != nil {
			return nil, err
		}
		x.hints.found = sync.OnceFunc(func() { s.seeking.leave(at) })
		defer x.hints.found()
	}
	return x.rules.HTTP.RoundTrip(x.out)
}

// broken answers a request that got no answer from its origin.
func (x *exchange) broken(err error) {
	if x.in.Context().Err() != nil {
		x.why = "client aborted"
		panic(http.ErrAbortHandler)
	}
	reason := originReason(err)
	x.why = string(reason)
	if fault := originFault(err); fault != "" {
		x.why += ": " + fault
	}
	x.status = statusOf(reason)
	if x.status == http.StatusForbidden {
		x.guarded(policy.Verdict{Reason: reason})
	}
	x.server.log().Info("origin did not answer", "host", x.host, "reason", reason, "err", err)
	refusal{Reason: reason, Event: x.reference(), Host: string(x.host), request: x.in}.write(x.w)
}

// guarded records that the dial guard refused the origin: that is a verdict of
// ours, and nothing has left, no tag either.
func (x *exchange) guarded(v policy.Verdict) {
	x.tags = nil
	if err := x.record(v); err != nil {
		x.server.log().Error("record event", "host", x.host, "err", err)
	}
}

// pass copies the answer to the client.
func (x *exchange) pass(resp *http.Response) {
	h := x.w.Header()
	passHeader(h, resp.Header)
	announced := len(resp.Trailer)
	if announced > 0 {
		names := make([]string, 0, announced)
		for name := range resp.Trailer {
			names = append(names, name)
		}
		h["Trailer"] = []string{strings.Join(names, ", ")}
		if x.in.ProtoMajor == 1 && x.in.Method != http.MethodHead {
			delete(h, "Content-Length") // HTTP/1.1 has trailers behind chunks only (RFC 9112, 7.1.2)
		}
	}
	x.w.WriteHeader(resp.StatusCode)
	if err := x.stream(resp); err != nil {
		// What was cut off must look cut off: the connection or stream is
		// reset, never ended in good order.
		panic(http.ErrAbortHandler)
	}
	if len(resp.Trailer) > 0 {
		_ = http.NewResponseController(x.w).Flush()
	}
	for name, values := range resp.Trailer {
		if len(resp.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// passHeader copies the header of an answer, less what cleanAnswer removes.
func passHeader(to, from http.Header) {
	if _, ok := from["Connection"]; ok {
		removeHopByHop(from)
	}
	dated, typed := false, false
	for name, values := range from {
		switch {
		case name == "Date":
			dated = true
		case name == "Content-Type":
			typed = true
		case hopByHop(name), name == "Alt-Svc":
			continue
		}
		to[name] = values
	}
	if !dated {
		to["Date"] = nil // the origin's answer: the server adds none
	}
	if !typed {
		to["Content-Type"] = nil // and guesses none
	}
}

// cleanAnswer removes what belongs to the connection with the origin, and
// what would lead the client round the proxy (HTTP/3 by Alt-Svc).
func cleanAnswer(h http.Header) {
	removeHopByHop(h)
	delete(h, "Alt-Svc")
}

// Copying bodies.
const (
	smallBody   = 16 << 10
	largeBody   = 128 << 10 // a fifth less CPU from HTTP/2 origins than 32 KiB
	longAnswer  = 1 << 20   // whose client has read so much is worth a large one
	hasNoLength = -1
)

// stream copies the body of an answer. An answer without a length, or one of
// events, is passed on read by read.
func (x *exchange) stream(resp *http.Response) error {
	if resp.Body == http.NoBody || resp.ContentLength == 0 || x.in.Method == http.MethodHead {
		return nil
	}
	buffers := &copyBuffers
	buf := buffers.Get().(*[]byte)
	defer func() { buffers.Put(buf) }()
	flush := resp.ContentLength == hasNoLength || strings.HasPrefix(first(resp.Header["Content-Type"]), "text/event-stream")
	control := http.NewResponseController(x.w)
	if flush {
		_ = control.Flush() // the head need not wait for a body that is yet to come
	}
	reader := x.reads(resp)
	for {
		n, err := resp.Body.Read(*buf)
		if n > 0 {
			if x.sent > 0 {
				x.inTurn()
			}
			reader.begins()
			m, werr := x.w.Write((*buf)[:n])
			if flush && werr == nil {
				_ = control.Flush()
			}
			x.sent += int64(m)
			switch whole := reader.ended(); {
			case !whole:
				x.why = "client does not read"
				return errUnread
			case werr != nil:
				x.why = "client aborted"
				return werr
			case x.sent > longAnswer && buffers == &copyBuffers:
				buffers.Put(buf)
				buffers = &largeBuffers
				buf = buffers.Get().(*[]byte)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			x.why = endOf(x.in.Context())
			_ = control.Flush() // what came is passed on
			return err
		}
	}
}

func endOf(ctx context.Context) string {
	if ctx.Err() != nil {
		return "client aborted"
	}
	return "origin cut off"
}
