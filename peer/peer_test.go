package peer_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/peer/peertest"
)

// shake connects to s and reads one byte, so that a client of TLS 1.3 hears
// what the server thinks of it.
func shake(t *testing.T, s peertest.Server, trust *peer.Trust) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", s.TLS)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("x"))
		_, _ = io.Copy(io.Discard, conn)
	}()
	defer func() { l.Close(); <-done }()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c := trust.Config()
	c.ServerName = peertest.Name
	conn := tls.Client(raw, c)
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

func TestOneServerIsTakenAndEveryOtherIsRefused(t *testing.T) {
	for _, s := range peertest.Servers(t) {
		if err := shake(t, s, s.Trust); s.Fine != (err == nil) {
			t.Errorf("%s: %v", s.Is, err)
		}
	}
}

func TestWhoseRootIsTheOperatorsOwnMayLiveAsLongAsTheyLike(t *testing.T) {
	for _, s := range peertest.Servers(t) {
		if !s.Public {
			continue
		}
		root, err := x509.ParseCertificate(decode(t, s.Roots))
		if err != nil {
			t.Fatal(err)
		}
		own := *s.Trust
		own.Private = []*x509.Certificate{root}
		if err := shake(t, s, &own); err != nil {
			t.Errorf("%s: %v", s.Is, err)
		}
		fault, ok := errors.AsType[*peer.Fault](shake(t, s, s.Trust))
		if !ok || fault.Rule != "lifetime" {
			t.Errorf("%s: %v, want lifetime", s.Is, fault)
		}
	}
}

// Nobody in the system's store has signed these, and so nil takes none.
func TestNoTrustIsTheSystems(t *testing.T) {
	for _, s := range peertest.Servers(t) {
		if err := shake(t, s, nil); err == nil {
			t.Errorf("%s is taken", s.Is)
		}
	}
}

func decode(t *testing.T, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}
