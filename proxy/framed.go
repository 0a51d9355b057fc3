package proxy

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// What a connection of HTTP/2 may send that serves no request, in bytes on the
// wire: SETTINGS, PING, PRIORITY, empty DATA, and requests that are reset.
const (
	framesPerSecond = 64 << 10
	framesAtFirst   = 32 << 10  // that a new connection may send at once
	mostFrames      = 512 << 10 // saved up, by one that behaves
	mostOwed        = 128 << 10
	costOfReset     = 2 << 10  // of a request that ended before its answer did
	uploadWindow    = 1 << 20  // what net/http lets a client send ahead of who reads it
	firstWindow     = 64 << 10 // before anything was read
)

// framed is the client's end of an intercepted connection of HTTP/2. What the
// client sends is set off against what it asks for: headers, bodies that are
// read, answers. Whoever sends much more is read more slowly and not cut off:
// frames cost a server a microsecond each, and their senders nothing
// (CVE-2023-44487, CVE-2025-8671, CVE-2019-9512 to 9518).
type framed struct {
	net.Conn
	over func() // called when the connection is slowed down for the first time

	earned chan struct{} // there may be enough again
	once   sync.Once
	closed chan struct{}

	mu     sync.Mutex
	left   int
	ahead  int       // how much of a body may wait for its reader
	filled time.Time // when left was filled last
	slowed bool
}

func newFramed(c net.Conn, over func()) *framed {
	return &framed{Conn: c, over: over, left: framesAtFirst, filled: time.Now(), earned: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Read implements net.Conn. It waits while too much was read before.
func (f *framed) Read(b []byte) (int, error) {
	for d := f.owes(); d > 0; d = f.owes() {
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-f.earned:
		case <-f.closed:
		}
		t.Stop()
	}
	n, err := f.Conn.Read(b)
	f.spend(n)
	return n, err
}

// owes is how long there is nothing to be read; zero if there is.
func (f *framed) owes() time.Duration {
	select {
	case <-f.closed:
		return 0
	default:
	}
	f.mu.Lock()
	if f.left+f.ahead < 0 {
		now := time.Now()
		f.left = min(mostFrames, f.left+int(now.Sub(f.filled).Seconds()*framesPerSecond))
		f.filled = now
	}
	owed := -(f.left + f.ahead)
	first := owed > 0 && !f.slowed
	f.slowed = f.slowed || first
	f.mu.Unlock()
	if first {
		f.over()
	}
	return time.Duration(max(owed, 0)) * time.Second / framesPerSecond
}

// Write implements net.Conn. A client says how much of an answer it has read.
func (f *framed) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(b)
	f.earn(n / 8)
	return n, err
}

// Close implements net.Conn. Whoever waits in Read finds the connection closed.
func (f *framed) Close() error {
	err := f.Conn.Close()
	f.once.Do(func() { close(f.closed) })
	return err
}

func (f *framed) spend(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = max(f.left-n, -f.ahead-mostOwed)
}

func (f *framed) earn(n int) {
	f.mu.Lock()
	owed := f.left+f.ahead < 0
	f.left = min(mostFrames, f.left+n)
	enough := owed && f.left+f.ahead >= 0
	f.mu.Unlock()
	if enough {
		select {
		case f.earned <- struct{}{}:
		default:
		}
	}
}

// asks says that r has come, and returns what for answered is to know: how
// much its headers may have taken.
func (f *framed) asks(r *http.Request) (n int) {
	if f == nil {
		return 0
	}
	n = 256 + len(r.RequestURI)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 8
		}
	}
	f.earn(n)
	if hasBody(r) {
		f.mu.Lock()
		f.ahead = max(f.ahead, firstWindow)
		f.mu.Unlock()
		r.Body = &framedBody{r.Body, f}
	}
	return n
}

// answered says that r is over, for which asks returned n. One that was reset
// did not earn that: in HPACK a header of kilobytes takes a byte the second time.
func (f *framed) answered(r *http.Request, n int) {
	switch {
	case f == nil:
	case r.Context().Err() != nil: // net/http ends it with the stream
		f.spend(n + costOfReset)
	default:
		f.earn(costOfReset)
	}
}

// framedBody is a request's body, whose bytes serve the request when they are read.
type framedBody struct {
	io.ReadCloser
	from *framed
}

func (b *framedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.from.carried(n)
	return n, err
}

// carried says that n bytes of a body were read. Frames and TLS take a
// sixteenth more. Whoever has uploaded may have as much on its way.
func (f *framed) carried(n int) {
	f.mu.Lock()
	f.ahead = min(uploadWindow, f.ahead+n)
	f.mu.Unlock()
	f.earn(n + n/16)
}
