package resolver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// doh asks one upstream over HTTPS (RFC 8484), HTTP/2 where it can be had.
type doh struct {
	url     string
	client  *http.Client
	retired atomic.Bool
}

const messageType = "application/dns-message"

var errTooLong = errors.New("the answer is longer than a message can be")

func newDoH(u upstream, r road) *doh {
	return &doh{url: u.String(), client: &http.Client{
		// A redirect would lead somewhere that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return r.dial(ctx, u) },
			TLSClientConfig:        r.tls(u),
			TLSHandshakeTimeout:    dialWait,
			ForceAttemptHTTP2:      true,
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: idleChannel / 6, PingTimeout: idleChannel / 15},
			DisableCompression:     true,
			MaxIdleConnsPerHost:    maxDoH,
			MaxConnsPerHost:        maxDoH,
			MaxResponseHeaderBytes: 16 << 10,
			IdleConnTimeout:        idleChannel,
		},
	}}
}

// maxDoH bounds the connections to one server. With HTTP/2, one carries all
// questions; the others are made only while the first is.
const maxDoH = 4

// ask implements channel.
func (d *doh) ask(ctx context.Context, out []byte) (message, error) {
	defer d.release()
	asked := append([]byte(nil), out[2:]...)
	asked[0], asked[1] = 0, 0 // RFC 8484 section 4.1
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(asked))
	if err != nil {
		return message{}, err
	}
	r.Header.Set("Content-Type", messageType)
	r.Header.Set("Accept", messageType)
	r.Header.Set("User-Agent", "")
	resp, err := d.client.Do(r)
	if err != nil {
		return message{}, err
	}
	defer resp.Body.Close()
	in, err := io.ReadAll(io.LimitReader(resp.Body, dns.MaxMsgSize+1))
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return message{}, err
	case resp.StatusCode != http.StatusOK || kind != messageType:
		return message{}, fmt.Errorf("the answer is %d, %q", resp.StatusCode, kind)
	case len(in) > dns.MaxMsgSize:
		return message{}, errTooLong
	case len(in) < headerSize || in[0] != 0 || in[1] != 0:
		return message{}, errForeign
	}
	copy(in, out[2:4])
	return message{octets: in, age: age(resp.Header)}, nil
}

// age is how long HTTP kept an answer, which its records have aged by (RFC 8484
// section 5.1).
func age(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Age"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// retire implements channel. Connections in use are closed by whoever uses
// them last.
func (d *doh) retire() {
	d.retired.Store(true)
	d.client.CloseIdleConnections()
}

func (d *doh) release() {
	if d.retired.Load() {
		d.client.CloseIdleConnections()
	}
}
