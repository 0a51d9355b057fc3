package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
)

// Where things are. The near origin serves the good client alone, the far one
// whatever attackers ask for.
const (
	near, far = "127.0.1.1", "127.0.1.2"
	port      = "443"
	goodFrom  = "127.0.2.1"
	slyFrom   = "127.0.2.2"
)

// The hosts that are asked for.
const (
	signIn    = "login.microsoftonline.com" // near
	data      = "graph.microsoft.com"       // near
	farSignIn = "login.windows.net"
	farData   = "outlook.office.com"
	site      = "www.example.com" // unlisted
)

// stand is everything that runs: the resolver in this process, two origins,
// and the proxy.
type stand struct {
	dir       string
	keep      bool
	rootPEM   []byte
	home, sly string // tokens
	dns       *dns.Server
	near, far *child
	proxy     *proxy
	way       way
}

func newStand(ctx context.Context, binary, dir string, attacked bool) (_ *stand, err error) {
	keep := dir != ""
	if !keep {
		if dir, err = os.MkdirTemp("", "tenantgate-siege-"); err != nil {
			return nil, err
		}
	}
	s := &stand{dir: dir, keep: keep, home: token(homeTenant, "home"), sly: token(foreignTenant, marker)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	root, key, err := authority()
	if err != nil {
		return nil, err
	}
	if err := s.originsOf(ctx, root, key, attacked); err != nil {
		return nil, err
	}
	resolver, err := s.resolve()
	if err != nil {
		return nil, err
	}
	if s.proxy, err = startProxy(ctx, binary, dir, resolver, s.rootPEM); err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(dir, "state/ca/ca.crt"))
	if err != nil {
		return nil, err
	}
	s.way, err = newWay(s.proxy.addr, append(ca, s.rootPEM...))
	return s, err
}

// originsOf starts both origins, the far one meekly where it serves attackers.
func (s *stand) originsOf(ctx context.Context, root *x509.Certificate, key *ecdsa.PrivateKey, attacked bool) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	s.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	with := setup{Cert: root.Raw, Key: der}
	with.Listen, with.ControlsHost = net.JoinHostPort(near, port), net.JoinHostPort(near, "8081")
	if s.near, err = s.start(ctx, "origin", false, with); err != nil {
		return err
	}
	with.Listen, with.ControlsHost = net.JoinHostPort(far, port), net.JoinHostPort(far, "8081")
	s.far, err = s.start(ctx, "origin", attacked, with)
	return err
}

// seen is what reached an origin that never may, and how much did in all.
type seen struct{ Requests, Foreign, Untagged int64 }

func (s *stand) seen() (all seen, err error) {
	for _, origin := range []string{near, far} {
		resp, err := (&http.Client{Timeout: 20 * time.Second}).Get("http://" + net.JoinHostPort(origin, "8081"))
		if err != nil {
			return all, fmt.Errorf("ask origin: %w", err)
		}
		var one seen
		err = json.NewDecoder(resp.Body).Decode(&one)
		resp.Body.Close()
		if err != nil {
			return all, err
		}
		all.Requests += one.Requests
		all.Foreign += one.Foreign
		all.Untagged += one.Untagged
	}
	return all, nil
}

// close ends everything.
func (s *stand) close() {
	var err error
	if s.proxy != nil {
		err = s.proxy.stop()
	}
	for _, c := range []*child{s.near, s.far} {
		if c != nil {
			err = errors.Join(err, c.stop())
		}
	}
	if s.dns != nil {
		err = errors.Join(err, s.dns.Shutdown())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "close:", err)
		return
	}
	if !s.keep {
		os.RemoveAll(s.dir)
	}
}
