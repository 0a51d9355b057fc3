package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Prepare makes the CA that Rotate will put in place, ca.next.crt, and leaves
// the present one at work. It is what makes a rotation overlap: clients are
// given the next certificate while leaves still come from the present one, and
// Rotate follows when all of them trust it. The authority it returns signs
// nothing yet. A CA prepared earlier is replaced.
func Prepare(dir string, permitted hosts.Set) (*Authority, error) {
	f := folder(dir)
	if err := f.secure(); err != nil {
		return nil, err
	}
	if err := sweep(dir); err != nil {
		return nil, fmt.Errorf("remove unfinished files: %w", err)
	}
	if _, err := f.settle(); err != nil {
		return nil, err
	}
	signer, err := NewKey()
	if err != nil {
		return nil, err
	}
	if err := f.writeKey(replace, nextKeyFile, signer); err != nil {
		return nil, err
	}
	if err := f.writeCertificate(replace, nextCrtFile, permitted, signer); err != nil {
		return nil, err
	}
	return f.prepared()
}

// prepared reads the next CA's certificate.
func (f folder) prepared() (*Authority, error) {
	chain, err := f.readChain(nextCrtFile)
	if err != nil {
		return nil, err
	}
	a, err := inspect(chain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path(nextCrtFile), err)
	}
	a.files = f.list()
	return a, nil
}

// Rotate puts a new CA in place of the one in dir and returns it: the one that
// Prepare made, or a fresh one if none is prepared. Clients refuse its leaves
// until they trust its certificate; a process that is running keeps the CA it
// opened until it is started again.
//
// The replaced certificate stays as ca.previous.crt, to be found and removed
// from trust stores. Its key is not kept: leaves outlive it by a week at most
// and need no key to be verified, and a key nobody uses is only ever stolen.
//
// The steps are such that Open finds a working pair after a crash at any point:
//
//  1. the next pair is complete in its own files
//  2. the present certificate is copied to ca.previous.crt
//  3. the next key takes the place of the present one: from here on the
//     rotation is decided, and Open finishes it
//  4. the next certificate takes the place of the present one
func Rotate(dir string, permitted hosts.Set) (*Authority, error) {
	f := folder(dir)
	if err := f.secure(); err != nil {
		return nil, err
	}
	finished, err := f.settle()
	if err == nil && !finished {
		err = f.rotate(permitted)
	}
	if err != nil {
		return nil, err
	}
	a, err := f.load()
	if err != nil {
		return nil, err
	}
	return a, a.except(permitted)
}

func (f folder) rotate(permitted hosts.Set) error {
	if err := f.stage(permitted); err != nil {
		return err
	}
	if err := f.keepPrevious(); err != nil {
		return err
	}
	if err := f.rename(nextKeyFile, keyFile); err != nil {
		return err
	}
	return f.rename(nextCrtFile, crtFile)
}

// stage sees to it that there is a next pair, that Open will accept it once it
// is in place, and that it covers permitted.
func (f folder) stage(permitted hosts.Set) error {
	crt, err := exists(f.path(nextCrtFile))
	if err != nil {
		return err
	}
	if !crt {
		if _, err := Prepare(string(f), permitted); err != nil {
			return err
		}
	}
	signer, err := f.readKey(nextKeyFile)
	if err != nil {
		return err
	}
	chain, err := f.readChain(nextCrtFile)
	if err != nil {
		return err
	}
	next, err := newAuthority(chain, signer)
	if err != nil {
		return fmt.Errorf("prepared CA %s: %w (prepare it again)", f.path(nextCrtFile), err)
	}
	if missing := next.Missing(permitted); len(missing) > 0 {
		return fmt.Errorf("prepared CA %s does not permit %s (prepare it again, and have clients trust the new one)",
			f.path(nextCrtFile), strings.Join(missing, ", "))
	}
	return nil
}

func (f folder) keepPrevious() error {
	old, err := os.ReadFile(f.path(crtFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep previous CA certificate: %w", err)
	}
	if err := replace(f.path(previousFile), old, 0o644); err != nil {
		return fmt.Errorf("keep previous CA certificate: %w", err)
	}
	return nil
}

func (f folder) rename(from, to string) error {
	if err := os.Rename(f.path(from), f.path(to)); err != nil {
		return fmt.Errorf("rotate CA: %w", err)
	}
	return syncDir(string(f))
}

// settle does step 4 of a rotation that was cut off before it: the key in
// place belongs to the next certificate. What cannot be read is no reason to
// stop here. A prepared CA may be damaged without harm to the present one, and
// Rotate is also the way out of a present one that is.
func (f folder) settle() (finished bool, err error) {
	signer, err := f.readKey(keyFile)
	if err != nil {
		return false, nil // see above
	}
	next, err := f.readChain(nextCrtFile)
	if err != nil || !belongs(signer, next[0]) {
		return false, nil // see above
	}
	return true, f.rename(nextCrtFile, crtFile)
}
