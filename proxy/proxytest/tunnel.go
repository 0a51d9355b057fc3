package proxytest

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// Patience bounds every wait: it ends a test that hangs, and is far beyond what
// anything that works takes on a machine with other things to do.
const Patience = 2 * time.Minute

// Way is how a client reaches its destination.
type Way struct {
	At      string // address of a listener; empty: the explicit proxy's
	Connect string // bytes of the CONNECT request; empty: there is none
	SOCKS   string // bytes of a SOCKS request instead
	Early   bool   // the TLS hello goes out together with the request

	Name   string   // server name of the TLS hello; empty: none
	Spell  string   // what the hello says instead of Name, of the same length
	ALPN   []string // offered protocols
	Max    uint16   // highest TLS version; 0: 1.3
	Pieces int      // the hello is written in so many pieces; 0: one
	ECH    []byte   // an ECHConfigList; nil: none
}

// Refused is an answer to CONNECT that is not 200, or to SOCKS that is not 0.
type Refused struct{ Answer }

func (r *Refused) Error() string {
	return fmt.Sprintf("refused: %d %s %s", r.Status, r.Header.Get("Tenantgate-Reason"), r.Reset)
}

// Open connects by w as far as before TLS. Early connections have not sent
// their request yet; without a request the connection is to the proxy itself.
func (r *Rig) Open(w Way) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", cmp.Or(w.At, r.Explicit), Patience)
	if err != nil {
		return nil, err
	}
	r.last = conn.LocalAddr()
	_ = conn.SetDeadline(time.Now().Add(Patience))
	request, answered := w.Connect, accepted
	if w.SOCKS != "" {
		request, answered = w.SOCKS, granted
	}
	switch {
	case request == "":
		return conn, nil
	case w.Early:
		return &early{Conn: conn, before: []byte(request), answered: answered}, nil
	}
	if _, err := io.WriteString(conn, request); err != nil {
		conn.Close()
		return nil, err
	}
	return answered(conn)
}

// accepted reads the answer to CONNECT.
func accepted(conn net.Conn) (net.Conn, error) {
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("answer to CONNECT: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return &buffered{Conn: conn, r: br}, nil
	}
	defer conn.Close()
	body, err := io.ReadAll(br) // the answer to a CONNECT ends with its connection
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("refusal of CONNECT: %w", err)
	}
	return nil, &Refused{Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}}
}

// Intercepted tells whether the proxy answered the handshake of tc: false
// means that the origin did.
func (r *Rig) Intercepted(tc *tls.Conn) bool {
	leaf := tc.ConnectionState().PeerCertificates[0]
	pool := x509.NewCertPool()
	pool.AddCert(r.ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: pool})
	return err == nil
}

// buffered reads first what came behind the answer to CONNECT.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// CloseWrite ends the client's direction.
func (b *buffered) CloseWrite() error { return b.Conn.(*net.TCPConn).CloseWrite() }

// early puts its request in front of the first write, and takes the answer off
// in front of the first read.
type early struct {
	net.Conn
	before   []byte
	answered func(net.Conn) (net.Conn, error)
	in       net.Conn
}

func (e *early) Write(p []byte) (int, error) {
	if e.before == nil {
		return e.Conn.Write(p)
	}
	all := slices.Concat(e.before, p)
	e.before = nil
	_, err := e.Conn.Write(all)
	return len(p), err
}

func (e *early) Read(p []byte) (int, error) {
	if e.in == nil {
		in, err := e.answered(e.Conn)
		if err != nil {
			return 0, err
		}
		e.in = in
	}
	return e.in.Read(p)
}
