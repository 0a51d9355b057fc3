package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where systems keep their roots: the first of the files, and all of the
// directories (crypto/x509, root_linux.go). crypto/x509 reads them once in the
// life of a process; whoever updates ca-certificates means it for now.
var (
	rootFiles = []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
	rootDirs = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
)

// maxRootFile bounds what is read of one file, in octets.
const maxRootFile = 16 << 20

// places are where the roots of this system are, with what the environment says
// instead.
func places() (files, dirs []string) {
	files, dirs = rootFiles, rootDirs
	if f := os.Getenv("SSL_CERT_FILE"); f != "" {
		files = []string{f}
	}
	if d := os.Getenv("SSL_CERT_DIR"); d != "" {
		dirs = filepath.SplitList(d)
	}
	return files, dirs
}

// systemRoots reads the system's roots as they are now.
func systemRoots() *x509.CertPool {
	pool, found := x509.NewCertPool(), false
	files, dirs := places()
	read := func(file string) bool {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxRootFile {
			return false
		}
		text, err := os.ReadFile(file)
		found = err == nil && pool.AppendCertsFromPEM(text) || found
		return err == nil
	}
	for _, file := range files {
		if read(file) {
			break
		}
	}
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				read(filepath.Join(dir, e.Name()))
			}
		}
	}
	if found {
		return pool
	}
	if system, err := x509.SystemCertPool(); err == nil {
		return system
	}
	return pool
}

// rootsChanged is when the roots that origins are believed by were changed
// last: the system's bundle, its directories, and the file that more names, if
// any. Zero: there are none.
func rootsChanged(more string) (last time.Time) {
	look := func(path string) bool {
		info, err := os.Stat(path)
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return err == nil
	}
	files, dirs := places()
	for _, file := range files {
		if look(file) {
			break
		}
	}
	for _, dir := range dirs {
		look(dir)
	}
	if more != "" {
		look(more)
	}
	return last
}

// rootNotes warns of roots that nobody has updated for long.
func rootNotes(now time.Time) []string {
	file, age := bundleAge(now)
	if age < staleRoots {
		return nil
	}
	return []string{fmt.Sprintf("the roots in %s are as they were %d days ago (update ca-certificates: who is distrusted since is believed here)", file, int(age.Hours())/24)}
}

// bundleAge is how long ago the system's bundle was written; zero if there is
// none to look at.
func bundleAge(now time.Time) (file string, age time.Duration) {
	files, _ := places()
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			return file, now.Sub(info.ModTime())
		}
	}
	return "", 0
}

// staleRoots is when roots count as forgotten. Mozilla changes its list, which
// most systems have, every few months; a year without is a machine that nobody
// updates, and that believes who is distrusted since.
const staleRoots = 365 * 24 * time.Hour
