package certs

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tenantgate/tenantgate/hosts"
)

// folder is the directory of an authority, STATE/ca. Its files:
//
//	ca.crt           the certificate that clients trust; more may follow, see Load
//	ca.key           its private key, PKCS#8, 0600
//	ca.next.crt      the certificate that "ca rotate" will put in place, to be
//	ca.next.key      trusted by clients beforehand; see Prepare
//	ca.previous.crt  the certificate before the last rotation; its key is gone
type folder string

const (
	crtFile      = "ca.crt"
	keyFile      = "ca.key"
	nextCrtFile  = "ca.next.crt"
	nextKeyFile  = "ca.next.key"
	previousFile = "ca.previous.crt"
)

// Open returns the authority kept in dir. The first time it makes one that may
// sign for permitted; later it takes the one that is there, whose constraints
// may be older than permitted: see Missing. The exceptions of permitted are
// never signed, whatever the constraints say.
//
// What a crash left is completed: a key without a certificate gets one, a
// rotation that was decided is finished. A certificate without its key is an error, since nothing can be done about it
// unseen. So is a directory, key or certificate that others could have read
// or changed.
func Open(dir string, permitted hosts.Set) (*Authority, error) {
	f := folder(dir)
	if err := f.secure(); err != nil {
		return nil, err
	}
	if _, err := f.settle(); err != nil {
		return nil, err
	}
	if err := f.complete(permitted); err != nil {
		return nil, err
	}
	a, err := f.load()
	if err != nil {
		return nil, err
	}
	return a, a.except(permitted)
}

// Inspect returns the authority kept in dir without its key: it describes and
// exports itself, knows what is Missing, and signs nothing. It never makes one;
// the error is fs.ErrNotExist where there is none.
func Inspect(dir string) (*Authority, error) {
	f := folder(dir)
	src, err := os.ReadFile(f.path(crtFile))
	if err != nil {
		return nil, fmt.Errorf("no interception CA yet: %w (make one: tenantgate ca init)", err)
	}
	chain, err := parseChain(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path(crtFile), err)
	}
	a, err := inspect(chain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path(crtFile), err)
	}
	a.files = f.list()
	return a, nil
}

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// secure makes the directory, or checks that it is only ours.
func (f folder) secure() error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("make CA directory: %w", err)
	}
	stat, err := os.Stat(string(f))
	if err != nil {
		return fmt.Errorf("CA directory: %w", err)
	}
	return checkAccess("CA directory", string(f), stat, 0o700)
}

// complete makes what is missing: the key first, so that a certificate never
// stands there without one, then the certificate.
func (f folder) complete(permitted hosts.Set) error {
	crt, err := exists(f.path(crtFile)) // before the key: another process may be at it
	if err != nil {
		return err
	}
	key, err := exists(f.path(keyFile))
	if err != nil {
		return err
	}
	if crt && !key {
		return fmt.Errorf("CA certificate %s has no key beside it (restore %s from where it was kept, or replace both: tenantgate ca rotate)",
			f.path(crtFile), f.path(keyFile))
	}
	if crt {
		return nil
	}
	if _, _, err := deriveLimits(permitted); err != nil {
		return err // before anything is written
	}
	if !key {
		signer, err := NewKey()
		if err != nil {
			return err
		}
		if err := f.writeKey(publish, keyFile, signer); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	signer, err := f.readKey(keyFile)
	if err != nil {
		return err
	}
	if err := f.writeCertificate(publish, crtFile, permitted, signer); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// load reads the pair that is there.
func (f folder) load() (*Authority, error) {
	signer, err := f.readKey(keyFile)
	if err != nil {
		return nil, err
	}
	chain, err := f.readChain(crtFile)
	if err != nil {
		return nil, err
	}
	a, err := newAuthority(chain, signer)
	if errors.Is(err, errMismatch) {
		return nil, fmt.Errorf("CA key %s does not belong to certificate %s (put the right pair back, or replace both: tenantgate ca rotate)",
			f.path(keyFile), f.path(crtFile))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path(crtFile), err)
	}
	a.files = f.list()
	return a, nil
}

// list returns the files that are there, in the order of folder's comment.
func (f folder) list() []string {
	var list []string
	for _, name := range []string{crtFile, keyFile, nextCrtFile, nextKeyFile, previousFile} {
		if ok, _ := exists(f.path(name)); ok {
			list = append(list, f.path(name))
		}
	}
	return list
}

func (f folder) readChain(name string) ([]*x509.Certificate, error) {
	src, err := readPrivate("CA certificate", f.path(name), 0o644)
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(src)
	if err != nil {
		return nil, fmt.Errorf("CA certificate %s: %w", f.path(name), err)
	}
	return chain, nil
}

func (f folder) readKey(name string) (crypto.Signer, error) {
	src, err := readPrivate("CA key", f.path(name), 0o600)
	if err != nil {
		return nil, err
	}
	defer clear(src)
	block, _ := pem.Decode(src)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("CA key %s is not a PKCS#8 key in PEM (openssl pkcs8 -topk8 -nocrypt turns other forms into one)", f.path(name))
	}
	defer clear(block.Bytes)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("CA key %s: %w", f.path(name), err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("CA key %s is of a kind that cannot sign", f.path(name))
	}
	return signer, nil
}

// place is publish or replace.
type place func(path string, data []byte, mode fs.FileMode) error

func (f folder) writeKey(put place, name string, signer crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return fmt.Errorf("CA key: %w", err)
	}
	defer clear(der)
	src := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(src)
	if err := put(f.path(name), src, 0o600); err != nil {
		return fmt.Errorf("store CA key: %w", err)
	}
	return nil
}

func (f folder) writeCertificate(put place, name string, permitted hosts.Set, signer crypto.Signer) error {
	der, err := selfSign(permitted, signer, lifetime)
	if err != nil {
		return err
	}
	src := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := put(f.path(name), src, 0o644); err != nil {
		return fmt.Errorf("store CA certificate: %w", err)
	}
	return nil
}
