package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// shake does the TLS handshake of w on conn. Whoever answers must be the proxy
// or the cloud, under whatever name: which of them is told by Intercepted.
func shake(r *proxytest.Rig, conn net.Conn, w proxytest.Way) (*tls.Conn, error) {
	cfg := &tls.Config{
		ServerName: w.Name, NextProtos: w.ALPN, MinVersion: tls.VersionTLS10, MaxVersion: w.Max, EncryptedClientHelloConfigList: w.ECH,
		InsecureSkipVerify: true, // of the name, which may be none
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: r.Roots})
			return err
		},
	}
	if w.ECH != nil {
		cfg.MinVersion, cfg.RootCAs = tls.VersionTLS13, r.Roots // a refusal of ECH is verified whatever the rest says
	}
	if w.Spell != "" || w.Pieces > 0 {
		conn = &respelt{Conn: conn, from: w.Name, to: w.Spell, pieces: max(w.Pieces, 1)}
	}
	tc := tls.Client(conn, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), proxytest.Patience)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return tc, nil
}

// respelt rewrites a name in the first write, the hello, and splits it.
type respelt struct {
	net.Conn
	from, to string
	pieces   int
	done     bool
}

func (f *respelt) Write(p []byte) (int, error) {
	if f.done {
		return f.Conn.Write(p)
	}
	f.done = true
	hello := string(p)
	if f.to != "" {
		hello = strings.ReplaceAll(hello, f.from, f.to)
	}
	size := len(hello)/f.pieces + 1
	for hello != "" {
		n := min(size, len(hello))
		if _, err := io.WriteString(f.Conn, hello[:n]); err != nil {
			return 0, err
		}
		hello = hello[n:]
	}
	return len(p), nil
}
