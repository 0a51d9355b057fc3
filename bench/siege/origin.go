package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// origin imitates every host. It looks for what no origin may see.
type origin struct {
	ca     *x509.Certificate
	caKey  any
	key    *ecdsa.PrivateKey
	leaves sync.Map // name: *tls.Certificate

	requests, foreign, untagged atomic.Int64
}

func serveOrigin(ctx context.Context, s setup) error {
	var err error
	o := &origin{}
	if o.ca, err = x509.ParseCertificate(s.Cert); err != nil {
		return err
	}
	if o.caKey, err = x509.ParsePKCS8PrivateKey(s.Key); err != nil {
		return err
	}
	if o.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	tell, err := net.Listen("tcp", s.ControlsHost)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: o, TLSConfig: o.tls(), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = http.Serve(tell, http.HandlerFunc(o.tell)) }()
	go func() { <-ctx.Done(); server.Close() }()
	ready()
	if err := server.ServeTLS(l, "", ""); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// tls speaks HTTP/2, but for names that begin with h1-: only there a handler
// gets at the connection.
func (o *origin) tls() *tls.Config {
	both := &tls.Config{GetCertificate: o.leaf}
	one := &tls.Config{GetCertificate: o.leaf, NextProtos: []string{"http/1.1"}}
	both.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if strings.HasPrefix(h.ServerName, "h1-") {
			return one, nil
		}
		return nil, nil
	}
	return both
}

func (o *origin) leaf(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if leaf, ok := o.leaves.Load(h.ServerName); ok {
		return leaf.(*tls.Certificate), nil
	}
	leaf, err := sign(o.ca, o.caKey, o.key, h.ServerName)
	if err == nil {
		o.leaves.Store(h.ServerName, leaf)
	}
	return leaf, err
}

func (o *origin) tell(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(seen{o.requests.Load(), o.foreign.Load(), o.untagged.Load()})
}

// ServeHTTP implements http.Handler.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.requests.Add(1)
	o.judge(r)
	body := r.Body
	switch what := strings.TrimPrefix(r.URL.Path, "/"); what {
	case "echo":
		_, _ = io.Copy(w, o.searched(r, body))
	case "ws", "reset", "cut":
		o.raw(w, what)
	case "trickle":
		for range 10 {
			_, _ = w.Write(block[:100])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	case "hints":
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusEarlyHints)
	case "never":
		<-r.Context().Done()
	default:
		n, err := strconv.Atoi(what)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, o.searched(r, body))
		send(w, n)
	}
}

// raw does what a handler cannot: a pipe, a reset, an answer that is cut off.
func (o *origin) raw(w http.ResponseWriter, what string) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "want HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	defer conn.Close()
	switch what {
	case "ws":
		const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // of the key in RFC 6455, 1.3
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+accept+"\r\n\r\n")
		_, _ = io.Copy(conn, rw)
	case "cut":
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nno more")
	case "reset":
		_ = conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
	}
}

// plane is where a foreign credential counts. A sign-in host may see one: what
// becomes of it there is Entra's to say, by the tag.
func (o *origin) plane(r *http.Request) *atomic.Int64 {
	if r.Host == signIn || r.Host == farSignIn {
		return new(atomic.Int64)
	}
	return &o.foreign
}

// judge looks at a request's head.
func (o *origin) judge(r *http.Request) {
	var tags int
	foreign := o.plane(r)
	for name, values := range r.Header {
		for _, v := range values {
			if strings.Contains(v, marker) {
				foreign.Add(1)
			}
			if strings.EqualFold(name, "sec-Restrict-Tenant-Access-Policy") {
				tags++
				if v != homeTenant+":"+homePolicy {
					o.untagged.Add(1)
				}
			}
		}
	}
	if strings.Contains(r.URL.RawQuery, marker) {
		foreign.Add(1)
	}
	if host := r.Host; (host == signIn || host == farSignIn) && tags != 1 {
		o.untagged.Add(1)
	}
}

// searched is r's body, which is searched as it is read: as it came, and
// behind gzip.
func (o *origin) searched(r *http.Request, body io.Reader) io.Reader {
	if r.Header.Get("Content-Encoding") == "gzip" {
		if plain, err := gzip.NewReader(body); err == nil {
			body = plain
		}
	}
	return io.TeeReader(body, &search{found: o.plane(r)})
}

// search counts marker in what is written to it.
type search struct {
	found *atomic.Int64
	last  []byte
}

func (s *search) Write(p []byte) (int, error) {
	text := append(s.last, p...)
	s.found.Add(int64(bytes.Count(text, []byte(marker))))
	s.last = append([]byte(nil), text[max(0, len(text)-len(marker)+1):]...)
	return len(p), nil
}

var block = make([]byte, 64<<10)

func send(w http.ResponseWriter, n int) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	for n > 0 {
		m, err := w.Write(block[:min(n, len(block))])
		if err != nil {
			return
		}
		n -= m
	}
}
