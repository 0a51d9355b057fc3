package demo

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const (
	maxBody = 256 << 10 // bytes kept of one request's body
	maxSeen = 4096      // requests kept; the older half goes when there are more
)

// Seen is one request as it reached the cloud.
type Seen struct {
	Host          string
	Method        string
	Path          string
	Query         string
	Proto         string // HTTP/1.1 or HTTP/2.0
	Header        http.Header
	Trailer       http.Header // what had arrived when the answer ended
	Body          []byte      // its first 256 KiB
	TLSServerName string      // empty: plain http
	Ended         bool        // the cloud is done with it: answered, or its client has gone
}

// Tags returns every value of a restriction header that the request carried in
// its header section or trailers, as "Name: value", look-alikes included
// (letter case, blanks, underscores).
func (s Seen) Tags() []string {
	return append(tags(s.Header), tags(s.Trailer)...)
}

func tags(h http.Header) []string {
	var list []string
	for name, values := range h {
		if restriction(name) == "" {
			continue
		}
		for _, v := range values {
			list = append(list, name+": "+v)
		}
	}
	slices.Sort(list)
	return list
}

// recorder keeps what arrived. The zero recorder is empty.
type recorder struct {
	mu      sync.Mutex
	seen    []*Seen
	bytes   []*[]byte
	changed chan struct{} // closed when a request arrives or ends; nil: nobody waits
}

// signal wakes who waits. The caller holds mu.
func (rec *recorder) signal() {
	if rec.changed != nil {
		close(rec.changed)
		rec.changed = nil
	}
}

// Seen returns the requests that arrived since the last Reset, oldest first.
func (c *Cloud) Seen() []Seen {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	list := make([]Seen, len(c.recorder.seen))
	for i, s := range c.recorder.seen {
		list[i] = *s
		list[i].Header = s.Header.Clone()
		list[i].Trailer = s.Trailer.Clone()
		list[i].Body = bytes.Clone(s.Body)
	}
	return list
}

// Await waits until what was seen is as until wants it, or ctx ends.
func (c *Cloud) Await(ctx context.Context, until func([]Seen) bool) error {
	for {
		c.recorder.mu.Lock()
		if c.recorder.changed == nil {
			c.recorder.changed = make(chan struct{})
		}
		changed := c.recorder.changed
		c.recorder.mu.Unlock()
		if until(c.Seen()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Reset forgets what arrived.
func (c *Cloud) Reset() {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	c.recorder.seen = nil
	for _, kept := range c.recorder.bytes {
		*kept = nil
	}
}

// KeepBytes makes the cloud keep the decrypted bytes of every connection that
// is accepted from now on, 4 MiB of each, for SawBytes to search.
func (c *Cloud) KeepBytes() { c.keep.Store(true) }

// dropBytes undoes KeepBytes.
func (c *Cloud) dropBytes() {
	c.keep.Store(false)
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	c.recorder.bytes = nil
}

// SawBytes tells whether marker reached the cloud since the last Reset: in the
// decrypted bytes that were kept, or in any request as it was parsed (so
// behind HTTP/2's header compression, chunking, gzip and deflate too), as it
// stands or inside base64url, where a claim of a JWT would have it.
func (c *Cloud) SawBytes(marker string) bool {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	needles := spellings(marker)
	for _, kept := range c.recorder.bytes {
		if containsAny(*kept, needles) {
			return true
		}
	}
	return slices.ContainsFunc(c.recorder.seen, func(s *Seen) bool {
		return containsAny([]byte(s.text()), needles) || containsAny(inflate(s), needles)
	})
}

// text is the request as one string to search in.
func (s *Seen) text() string {
	var b strings.Builder
	b.WriteString(s.Path + "\n" + s.Query + "\n")
	for _, h := range []http.Header{s.Header, s.Trailer} {
		for name, values := range h {
			b.WriteString(name + ": " + strings.Join(values, "\n") + "\n")
		}
	}
	b.Write(s.Body)
	return b.String()
}

func inflate(s *Seen) []byte {
	var r io.Reader
	switch s.Header.Get("Content-Encoding") {
	case "gzip":
		zr, err := gzip.NewReader(bytes.NewReader(s.Body))
		if err != nil {
			return nil
		}
		r = zr
	case "deflate":
		r = flate.NewReader(bytes.NewReader(s.Body))
	default:
		return nil
	}
	plain, _ := io.ReadAll(io.LimitReader(r, maxKept)) // what came before an error counts
	return plain
}

// spellings returns marker and what is certain of its base64url form at each
// of the three offsets it can have.
func spellings(marker string) [][]byte {
	list := [][]byte{[]byte(marker)}
	for offset := range 3 {
		coded := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + marker))
		first := (offset*8 + 5) / 6                    // characters that hold bits of what stands before
		last := (offset + len(marker)) * 8 / 6         // whole characters
		if coded = coded[first:last]; len(coded) > 7 { // shorter would be found by chance
			list = append(list, []byte(coded))
		}
	}
	return list
}

func containsAny(in []byte, needles [][]byte) bool {
	return slices.ContainsFunc(needles, func(n []byte) bool { return bytes.Contains(in, n) })
}

func (rec *recorder) connection() *[]byte {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	kept := new([]byte)
	rec.bytes = append(rec.bytes, kept)
	return kept
}

func (rec *recorder) keep(to *[]byte, p []byte) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if room := maxKept - len(*to); room < len(p) {
		p = p[:room]
	}
	*to = append(*to, p...)
}

// arrive records a request and returns its record; the body is added as the
// handler reads it.
func (rec *recorder) arrive(r *http.Request) *Seen {
	serverName, _ := connOf(r).agreed()
	s := &Seen{
		Host: r.Host, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Proto: r.Proto,
		Header: r.Header.Clone(), TLSServerName: serverName,
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.seen) == maxSeen {
		rec.seen = slices.Delete(rec.seen, 0, maxSeen/2)
	}
	rec.seen = append(rec.seen, s)
	rec.signal()
	r.Body = &tee{ReadCloser: r.Body, rec: rec, seen: s}
	return s
}

func (rec *recorder) end(s *Seen, trailer http.Header) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	s.Trailer, s.Ended = trailer.Clone(), true
	rec.signal()
}

// tee records the body that passes through it.
type tee struct {
	io.ReadCloser
	rec  *recorder
	seen *Seen
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	t.seen.Body = append(t.seen.Body, p[:min(n, maxBody-len(t.seen.Body))]...)
	return n, err
}
