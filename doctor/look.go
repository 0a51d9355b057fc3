package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// seen is what a client sees of a host through the proxy.
type seen struct {
	chain   []*x509.Certificate // as the other end sent it, leaf first
	trusted error               // why the system's store and Roots do not trust it; nil if they do
	refused string              // the proxy did not connect: its status and reason
	reason  string              // Tenantgate-Reason of that
	status  int
	err     error // anything else
}

// look opens a tunnel to n and shakes hands, as far as the certificates.
func (s *Subject) look(ctx context.Context, n hosts.Name) seen {
	if s.Proxy == "" {
		return s.lookSteered(ctx, n)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Proxy)
	if err != nil {
		return seen{err: err}
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return seen{err: err}
		}
	}
	target := net.JoinHostPort(string(n), "443")
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n", target, target, s.Agent); err != nil {
		return seen{err: err}
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return seen{err: fmt.Errorf("CONNECT: %w", err)}
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		reason := resp.Header.Get("Tenantgate-Reason")
		return seen{status: resp.StatusCode, reason: reason, refused: fmt.Sprintf("the proxy answered %d %s", resp.StatusCode, reason)}
	}
	return s.handshake(ctx, conn, n)
}

// handshake verifies with what this machine trusts. A chain that it does not
// trust is known from the error; nothing is sent over such a connection.
func (s *Subject) handshake(ctx context.Context, conn net.Conn, n hosts.Name) seen {
	c := tls.Client(conn, &tls.Config{ServerName: string(n), RootCAs: s.pool(false), MinVersion: tls.VersionTLS12})
	err := c.HandshakeContext(ctx)
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return seen{chain: bad.UnverifiedCertificates, trusted: bad.Err}
	}
	if err != nil {
		return seen{err: fmt.Errorf("TLS: %w", err)}
	}
	return seen{chain: c.ConnectionState().PeerCertificates}
}

// pool is what this machine trusts; with ours, the proxy's root as well. nil is
// the system's store.
func (s *Subject) pool(ours bool) *x509.CertPool {
	if len(s.Roots) == 0 && (!ours || s.Root == nil) {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(s.Roots)
	if ours && s.Root != nil {
		pool.AddCert(s.Root)
	}
	return pool
}

// ours tells whether the proxy issued a chain. Without its root, it is known by
// the name that it gives itself.
func (s *Subject) ours(chain []*x509.Certificate, n hosts.Name) bool {
	if len(chain) == 0 {
		return false
	}
	if s.Root == nil {
		for _, c := range chain {
			if isOurs.MatchString(c.Issuer.CommonName) {
				return true
			}
		}
		return false
	}
	between, root := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	root.AddCert(s.Root)
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: string(n), Intermediates: between, Roots: root, CurrentTime: s.Now()})
	if err == nil {
		return true
	}
	// A chain of ours that this machine's clock, or the name constraints, do not
	// let pass is still ours.
	for _, c := range chain {
		if c.CheckSignatureFrom(s.Root) == nil {
			return true
		}
	}
	return false
}

// client asks through the proxy, as an application would. It follows nothing.
func (s *Subject) client() (*http.Client, func()) {
	t := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: s.pool(true), MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: patience,
	}
	if s.Proxy == "" {
		t.DialContext = s.connect
	} else {
		t.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: s.Proxy})
	}
	return &http.Client{Transport: t, CheckRedirect: stay, Timeout: patience}, t.CloseIdleConnections
}

// plain asks without a proxy, as clients fetch their PAC file.
func plain() (*http.Client, func()) {
	t := &http.Transport{}
	return &http.Client{Transport: t, CheckRedirect: stay, Timeout: patience}, t.CloseIdleConnections
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func issuer(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "nobody"
	}
	return fmt.Sprintf("%q", chain[0].Issuer.CommonName)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
