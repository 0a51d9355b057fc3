package faults_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// breakage is one way in which an origin is broken, and what a client may see:
// "502", "504", "cut" where the answer had begun, or a whole answer.
type breakage struct {
	name   string
	origin func(net.Conn) // nil: nobody listens
	wants  []string
	gives  time.Duration // the client goes after that; zero: it stays
	long   bool          // takes a while: not in every run
}

// answers is an origin that reads a request over TLS and writes this.
func answers(protocol, text string, after func(tcp net.Conn, secure net.Conn)) func(net.Conn) {
	return secured("broken.faults.test", time.Hour, protocol, func(tcp, c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		if _, err := io.WriteString(c, text); err == nil && after != nil {
			after(tcp, c)
		}
	})
}

// secured is an origin with a certificate for name, good for that long, that
// then does this.
func secured(name string, good time.Duration, protocol string, do func(tcp, c net.Conn)) func(net.Conn) {
	cert := sync.OnceValue(func() tls.Certificate {
		ca, err := origins()
		if err != nil {
			return tls.Certificate{}
		}
		leaf, _ := ca.leaf(time.Now().Add(good), name) // without one no handshake succeeds
		return leaf
	})
	return func(tcp net.Conn) {
		c := tls.Server(tcp, &tls.Config{Certificates: []tls.Certificate{cert()}, NextProtos: []string{protocol}})
		if c.Handshake() == nil {
			do(tcp, c)
		}
	}
}

// reset closes without a FIN.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// hello reads the first record of a TLS client.
func hello(c net.Conn) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(c, head); err == nil {
		_, _ = io.CopyN(io.Discard, c, int64(head[3])<<8|int64(head[4]))
	}
}

// goAway speaks HTTP/2 and answers the first request with GOAWAY.
func goAway(code http2.ErrCode) func(net.Conn) {
	return secured("broken.faults.test", time.Hour, "h2", func(_, c net.Conn) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c, preface); err != nil {
			return
		}
		f := http2.NewFramer(c, c)
		_ = f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if _, is := frame.(*http2.HeadersFrame); is {
				_ = f.WriteGoAway(0, code, nil)
				return
			}
		}
	})
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

// drip writes text a byte a second until the other side is gone.
func drip(_, c net.Conn) {
	for _, b := range []byte(strings.Repeat("answer ", 100)) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second) // the fault itself
	}
}

// storm writes hints until the other side has enough.
func storm(_, c net.Conn) {
	for {
		if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"); err != nil {
			return
		}
	}
}

func untilGone(_, c net.Conn) { _, _ = io.Copy(io.Discard, c) }

var breakages = []breakage{
	{name: "refuses", wants: []string{"502"}},
	{name: "resets at once", origin: reset, wants: []string{"502"}},
	{name: "resets after the hello", origin: func(c net.Conn) { hello(c); reset(c) }, wants: []string{"502"}},
	{name: "ends after the hello", origin: hello, wants: []string{"502"}},
	{name: "TLS alert", origin: func(c net.Conn) { hello(c); _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }, wants: []string{"502"}},
	{name: "plain text where TLS belongs", origin: func(c net.Conn) { hello(c); _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n") }, wants: []string{"502"}},
	{name: "expired certificate", origin: secured("broken.faults.test", -time.Hour, "http/1.1", untilGone), wants: []string{"502"}},
	{name: "another name", origin: secured("other.faults.test", time.Hour, "http/1.1", untilGone), wants: []string{"502"}},
	{name: "reset before the answer", origin: answers("http/1.1", "", func(tcp, _ net.Conn) { reset(tcp) }), wants: []string{"502"}},
	{name: "end before the answer", origin: answers("http/1.1", "", nil), wants: []string{"502"}},
	{name: "half a header", origin: answers("http/1.1", "HTTP/1.1 200 OK\r\nContent-Ty", nil), wants: []string{"502"}},
	{name: "no answer that anybody can read", origin: answers("http/1.1", "NONSENSE\r\n\r\n", nil), wants: []string{"502"}},
	{name: "reset in the body", origin: answers("http/1.1", head+"Content-Length: 100\r\n\r\nanswer", func(tcp, _ net.Conn) { reset(tcp) }), wants: []string{"cut", "502"}},
	{name: "end in the body", origin: answers("http/1.1", head+"Content-Length: 100\r\n\r\nanswer", nil), wants: []string{"cut", "502"}},
	{name: "end in a chunk", origin: answers("http/1.1", head+"Transfer-Encoding: chunked\r\n\r\nff\r\nanswer", nil), wants: []string{"cut", "502"}},
	{name: "end between chunks", origin: answers("http/1.1", head+"Transfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\n", nil), wants: []string{"cut", "502"}},
	{name: "a chunk that is none", origin: answers("http/1.1", head+"Transfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\nzz\r\n", nil), wants: []string{"cut", "502"}},
	{name: "more than it said", origin: answers("http/1.1", head+"Content-Length: 6\r\n\r\nanswerHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother", untilGone), wants: []string{"whole answer", "502"}},
	{name: "two lengths", origin: answers("http/1.1", head+"Content-Length: 6\r\nContent-Length: 7\r\n\r\nanswer", nil), wants: []string{"502"}},
	{name: "slow, a byte a second", origin: answers("http/1.1", head+"Content-Length: 700\r\n\r\n", drip), wants: []string{"client went"}, gives: 2 * time.Second, long: true},
	{name: "no answer", origin: answers("http/1.1", "", untilGone), wants: []string{"client went"}, gives: 2 * time.Second, long: true},
	{name: "hints without end", origin: answers("http/1.1", "", storm), wants: []string{"502"}},
	{name: "GOAWAY without error", origin: goAway(http2.ErrCodeNo), wants: []string{"502"}, long: true},
	{name: "GOAWAY with an error", origin: goAway(http2.ErrCodeProtocol), wants: []string{"502"}, long: true},
	{name: "GOAWAY to be calm", origin: goAway(http2.ErrCodeEnhanceYourCalm), wants: []string{"502"}, long: true},
}

// R18: a broken origin costs its own requests alone.
func brokenOrigin(s *stage) {
	s.run(settings{})
	for _, b := range breakages {
		if b.long && !s.scale.full {
			continue
		}
		s.Run(strings.ReplaceAll(b.name, " ", "-"), func(t *testing.T) {
			if b.origin != nil {
				serve(t, listen(t, brokenAddr+":443"), b.origin)
			}
			for _, got := range s.askAll("broken.faults.test", b.gives) {
				if !slices.Contains(b.wants, got) {
					t.Errorf("%s, want one of %q", got, b.wants)
				}
			}
		})
	}
	if s.scale.full {
		toxics(s)
	}
	s.onlyFailed()
}

// askAll asks host in each way, twice at once, and tells what came.
func (s *stage) askAll(host string, gives time.Duration) []string {
	got := make([]string, 8)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = s.askBroken(host, i, gives) })
	}
	all.Wait()
	return got
}

func (s *stage) askBroken(host string, i int, gives time.Duration) string {
	c := s.load.client(i % 4)
	c.Timeout = patience
	defer c.CloseIdleConnections()
	ctx := context.Background()
	if gives > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, gives)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+s.load.tokens[home])
	resp, err := c.Do(req)
	if ctx.Err() != nil {
		return "client went"
	}
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if id := resp.Header.Get("Tenantgate-Event"); id != "" {
		s.load.count("broken origin", "ok", id)
	}
	switch {
	case ctx.Err() != nil:
		return "client went"
	case err != nil:
		return "cut"
	case resp.StatusCode == http.StatusOK:
		return "whole " + strings.TrimSpace(string(text))
	}
	return fmt.Sprint(resp.StatusCode)
}
