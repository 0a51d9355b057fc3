package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

var errSwitched = errors.New("origin switched protocols")

// plainBody is the body of an answer in clear. The front reads it to its end,
// or to where it breaks, and closes it.
type plainBody struct {
	io.ReadCloser
	request *plainRequest
	status  int
	sent    int64
	why     string
	done    bool
}

// Read implements io.Reader. goproxy would end the answer in good order where
// the origin did not: that must look cut off.
func (b *plainBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sent += int64(n)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case n > 0:
		return n, nil // it comes again
	}
	b.why = endOf(b.request.in.Context())
	panic(http.ErrAbortHandler)
}

// Close records how the request ended, once.
func (b *plainBody) Close() error {
	err := b.ReadCloser.Close()
	if b.done {
		return err
	}
	b.done = true
	p := b.request
	e := p.event(audit.Access)
	e.Status, e.BytesOut, e.Close = b.status, b.sent, b.why
	e.Duration = time.Since(p.start)
	if err := p.server.record(e); err != nil {
		p.server.log().Error("record event", "host", p.dst.Host(), "err", err)
	}
	p.server.Metrics.request(policy.Other, p.verdict)
	return err
}
