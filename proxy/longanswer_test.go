package proxy_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
)

// measured is a body of length bytes that notes how much may be read at once.
type measured struct {
	left int
	most func(sent, most int)
	sent int
}

func (m *measured) Read(b []byte) (int, error) {
	m.most(m.sent, len(b))
	if m.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), m.left)
	m.left -= n
	m.sent += n
	return n, nil
}

func (m *measured) Close() error { return nil }

// What is held for a client that reads nothing is what it is copied through.
func TestAClientThatHasReadAMebibyteIsServedInLargerPieces(t *testing.T) {
	const length = 4 << 20
	each(t, func(t *testing.T, proto string) {
		var early, late atomic.Int64
		body := &measured{left: length, most: func(sent, most int) {
			if sent <= 1<<20 {
				early.Store(max(early.Load(), int64(most)))
			} else {
				late.Store(max(late.Load(), int64(most)))
			}
		}}
		r := newRig(t, through(func(_ http.RoundTripper, req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, ProtoMajor: 2, Header: http.Header{}, Body: body, ContentLength: length, Request: req}, nil
		}))
		resp := must(r.client(proto).Get("https://" + restricted + "/"))(t)
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n != length || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		if early.Load() != 16<<10 || late.Load() != 128<<10 {
			t.Errorf("at once: %d bytes of the first mebibyte, %d later", early.Load(), late.Load())
		}
	})
}
