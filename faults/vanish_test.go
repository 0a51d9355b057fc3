package faults_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// stages are where a client vanishes: each is what it did until then. What it
// returns is the connection that ends, the rest of it was closed by nobody.
var stages = []struct {
	name string
	do   func(*stage, net.Conn) error
}{
	{"connected", func(*stage, net.Conn) error { return nil }},
	{"in CONNECT", says("CONNECT graph.micro")},
	{"after CONNECT", says("CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\n")},
	{"after the answer to CONNECT", connects(nil)},
	{"in the hello", connects(says("\x16\x03\x01\x02\x00\x01\x00"))},
	{"after the hello", connects(func(_ *stage, c net.Conn) error { _, err := c.Write(hello13()); return err })},
	{"after the handshake", shakes("")},
	{"in a header", shakes("GET /v1.0/me HTTP/1.1\r\nHost: graph.micr")},
	{"after a request", shakes("GET /held HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n")},
	{"in a body", shakes("POST /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\"")},
	{"in a chunk", shakes("POST /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc")},
	{"in an answer", func(s *stage, c net.Conn) error {
		secure, err := shaken(s, c, graphHost)
		if err == nil {
			_, err = io.WriteString(secure, "GET /held HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n")
		}
		if err == nil {
			_, err = secure.Read(make([]byte, 20))
		}
		return err
	}},
	{"in a tunnel", func(s *stage, c net.Conn) error {
		resp, err := connect(c, siteHost+":443")
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("CONNECT: %v", err)
		}
		secure := tls.Client(c, s.load.verified(siteHost))
		return echoed(secure, "half a line")
	}},
}

func says(text string) func(*stage, net.Conn) error {
	return func(_ *stage, c net.Conn) error { _, err := io.WriteString(c, text); return err }
}

// connects is then, inside a connection to a restricted host.
func connects(then func(*stage, net.Conn) error) func(*stage, net.Conn) error {
	return func(s *stage, c net.Conn) error {
		resp, err := connect(c, graphHost+":443")
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("CONNECT: %v", err)
		}
		if then == nil {
			return nil
		}
		return then(s, c)
	}
}

// shaken is TLS with the proxy itself.
func shaken(s *stage, c net.Conn, host string) (net.Conn, error) {
	resp, err := connect(c, host+":443")
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("CONNECT: %v", err)
	}
	secure := tls.Client(c, s.load.verified(host, "http/1.1"))
	return secure, secure.Handshake()
}

func shakes(text string) func(*stage, net.Conn) error {
	return func(s *stage, c net.Conn) error {
		secure, err := shaken(s, c, graphHost)
		if err == nil {
			_, err = io.WriteString(secure, text)
		}
		return err
	}
}

// hello13 is the hello of a client for a restricted host.
func hello13() []byte {
	var hello bytes.Buffer
	client := tls.Client(written{&hello}, &tls.Config{ServerName: graphHost})
	_ = client.Handshake() // nobody answers
	return hello.Bytes()
}

// written keeps what is written and answers nothing.
type written struct{ *bytes.Buffer }

func (written) Read([]byte) (int, error)         { return 0, io.EOF }
func (written) Close() error                     { return nil }
func (written) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (written) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (written) SetDeadline(time.Time) error      { return nil }
func (written) SetReadDeadline(time.Time) error  { return nil }
func (written) SetWriteDeadline(time.Time) error { return nil }

// R19: at every stage clients go without a word, or with a reset. Nobody else
// notices, and nothing of them stays.
func clientsVanish(s *stage) {
	s.run(settings{})
	hold := make(chan struct{})
	s.world.hold.Store(&hold)
	for _, at := range stages {
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 5, byte(1+i))}}
				c, err := d.Dial("tcp", proxyAddr)
				if err != nil {
					s.Errorf("%s: %v", at.name, err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(patience))
				if err := at.do(s, c); err != nil {
					s.Errorf("%s: %v", at.name, err)
				}
				if i%2 == 0 {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
				c.Close()
			})
		}
		all.Wait()
		s.under(0.1)
	}
	close(hold)
	s.world.hold.Store(nil)
	s.onlyFailed()
	s.released()
}

// released ends the load and waits until the program has no connection of a
// client any more.
func (s *stage) released() {
	s.Helper()
	s.works()
	s.load.end()
	s.await("no connection of a client is left", func() bool { return s.connected() == 0 })
	s.Logf("%.0f goroutines, %.0f descriptors", s.gate.metric("go_goroutines", ""), s.gate.metric("process_open_fds", ""))
}

// connected counts the program's sides of connections with clients
// (proc(5): local address and state in hexadecimal; 01 is established, 08
// waits to be closed by the program).
func (s *stage) connected() (n int) {
	s.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != "01" && f[3] != "08" {
			continue
		}
		for _, addr := range []string{proxyAddr, steeredAddr} {
			if f[1] == hexAddr(addr) {
				n++
			}
		}
	}
	return n
}

func hexAddr(addr string) string {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return ""
	}
	ip := a.IP.To4()
	return strings.ToUpper(hex.EncodeToString([]byte{ip[3], ip[2], ip[1], ip[0]})) + fmt.Sprintf(":%04X", a.Port)
}
