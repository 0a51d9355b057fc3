package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// The hosts of the workloads.
const (
	signIn = "login.microsoftonline.com"
	data   = "graph.microsoft.com"
	site   = "www.example.com" // unlisted
)

// bench is the origin, the two roots and the cells' running number.
type bench struct {
	dir, profile    string
	self, optimized string // this program, and this program built with a profile
	origin          string
	rootPEM         []byte
	caPEM, caKeyPEM []byte
	server          *http.Server
	started         int
}

func newBench(ctx context.Context, profile, pgo string) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tenantgate-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, profile: profile, self: self}
	if pgo != "" {
		if err := b.optimize(ctx, pgo); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	root, rootKey, err1 := authority("bench root")
	ca, caKey, err2 := authority("bench interception")
	l, err3 := net.Listen("tcp", "127.0.0.1:0")
	keyDER, err4 := x509.MarshalPKCS8PrivateKey(caKey)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	leaf, err := sign(root, rootKey, signIn, data, site)
	if err != nil {
		return nil, err
	}
	b.origin = l.Addr().String()
	b.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	b.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
	b.caKeyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	b.server = &http.Server{
		Handler:   http.HandlerFunc(answer),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{leaf}},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	go func() { _ = b.server.ServeTLS(l, "", "") }()
	return b, nil
}

func (b *bench) close() {
	b.server.Close()
	os.RemoveAll(b.dir)
}

var block = make([]byte, 64<<10)

// answer sends as many bytes as the path asks for.
func answer(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Path[1:])
	if err != nil {
		http.Error(w, "want /BYTES", http.StatusBadRequest)
		return
	}
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

// authority makes a root.
func authority(name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{Subject: pkix.Name{CommonName: name}}, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// sign makes a leaf for names.
func sign(ca *x509.Certificate, key any, names ...string) (tls.Certificate, error) {
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, leafKey.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leafKey}, err
}
