package certs

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, dir string) *Authority {
	t.Helper()
	a, err := Open(dir, restricted)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newDir(t testing.TB) string { return filepath.Join(t.TempDir(), "state", "ca") }

func mode(t testing.TB, path string) fs.FileMode {
	t.Helper()
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return stat.Mode().Perm()
}

// mustFail opens dir and wants an error that has every one of want in it.
func mustFail(t testing.TB, dir string, want ...string) {
	t.Helper()
	_, err := Open(dir, restricted)
	if err == nil {
		t.Error("opened")
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestFirstRunMakesTheCAAndTheSecondFindsIt(t *testing.T) {
	dir := newDir(t)
	first, second := open(t, dir), open(t, dir)
	if !first.Certificate().Equal(second.Certificate()) {
		t.Error("the second run has another certificate")
	}
	got := map[string]fs.FileMode{"": mode(t, dir), crtFile: mode(t, filepath.Join(dir, crtFile)), keyFile: mode(t, filepath.Join(dir, keyFile))}
	if d := cmp.Diff(map[string]fs.FileMode{"": 0o700, crtFile: 0o644, keyFile: 0o600}, got); d != "" {
		t.Errorf("modes (-want +got):\n%s", d)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("the directory holds %v (%v), want the certificate and the key", left, err)
	}
	for _, n := range []string{"graph.microsoft.com", "contoso.sharepoint.com"} {
		if _, err := handshake(t, second, trust(first.Certificate()), must(n)); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
}

func TestWhatOthersCouldReadOrChangeIsRefused(t *testing.T) {
	for _, tt := range []struct {
		file string
		mode fs.FileMode
		want []string
	}{
		{keyFile, 0o644, []string{"CA key ", "has mode 0644, want 0600", "(chmod 600 "}},
		{keyFile, 0o640, []string{"has mode 0640, want 0600"}},
		{keyFile, 0o604, []string{"has mode 0604, want 0600"}},
		{keyFile, 0o700, []string{"has mode 0700, want 0600"}},
		{crtFile, 0o666, []string{"CA certificate ", "has mode 0666, want 0644", "(chmod 644 "}},
		{".", 0o750, []string{"CA directory ", "has mode 0750, want 0700", "(chmod 700 "}},
		{".", 0o701, []string{"has mode 0701, want 0700"}},
	} {
		t.Run(tt.file+" "+tt.mode.String(), func(t *testing.T) {
			dir := newDir(t)
			open(t, dir)
			path := filepath.Join(dir, tt.file)
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			mustFail(t, dir, append(tt.want, filepath.Clean(path))...)
		})
	}
}

func TestNarrowerModesAreFine(t *testing.T) {
	dir := newDir(t)
	open(t, dir)
	os.Chmod(filepath.Join(dir, keyFile), 0o400)
	os.Chmod(filepath.Join(dir, crtFile), 0o444)
	os.Chmod(dir, 0o500)
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	open(t, dir)
}

func TestAnotherUsersFilesAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for _, file := range []string{".", keyFile, crtFile} {
		dir := newDir(t)
		open(t, dir)
		if err := os.Chown(filepath.Join(dir, file), 65534, -1); err != nil {
			t.Fatal(err)
		}
		mustFail(t, dir, "belongs to user 65534", "runs as user 0", "chown 0")
	}
}

func TestKeyThatCrashLeftAloneGetsItsCertificate(t *testing.T) {
	dir := newDir(t)
	before := open(t, dir).Certificate()
	if err := os.Remove(filepath.Join(dir, crtFile)); err != nil {
		t.Fatal(err)
	}
	a := open(t, dir)
	if !a.Certificate().PublicKey.(*ecdsa.PublicKey).Equal(before.PublicKey) {
		t.Error("the key was replaced")
	}
	if _, err := a.Leaf("graph.microsoft.com"); err != nil {
		t.Error(err)
	}
}

func TestCertificateWithoutItsKeyIsReported(t *testing.T) {
	dir := newDir(t)
	open(t, dir)
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	mustFail(t, dir, "has no key beside it", "tenantgate ca rotate", keyFile)
	if _, err := os.Stat(filepath.Join(dir, keyFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a key was made for a certificate that is not its own")
	}
	if _, err := Rotate(dir, restricted); err != nil {
		t.Errorf("the way out that was named: %v", err)
	}
	open(t, dir)
}

func TestUnfinishedFilesAreNeverTakenForRealOnes(t *testing.T) {
	dir := newDir(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, ".new-123")
	if err := os.WriteFile(half, []byte("-----BEGIN PRIV"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := Rotate(dir, restricted); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a rotation left it: %v", err)
	}
}

func TestProcessesThatStartTogetherAgreeOnOneCA(t *testing.T) {
	for range 20 {
		dir := newDir(t)
		found := make([]*Authority, 8)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range found {
			wg.Go(func() {
				<-start
				var err error
				if found[i], err = Open(dir, restricted); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		for _, a := range found {
			if a != nil && found[0] != nil && !a.Certificate().Equal(found[0].Certificate()) {
				t.Fatalf("%s and %s", found[0].Certificate().Subject, a.Certificate().Subject)
			}
		}
	}
}

func TestWhatIsThereIsNeverOverwrittenByAFirstRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := publish(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := publish(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("%q (%v)", got, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), scratch)); err != nil || len(left) > 0 {
		t.Errorf("left %v (%v)", left, err)
	}
}

func TestNothingIsWrittenForASetThatCannotBeConstrained(t *testing.T) {
	dir := newDir(t)
	if _, err := Open(dir, set("com", "")); err == nil || !strings.Contains(err.Error(), "too wide") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestExpiredCAIsRefusedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDir(t)
		open(t, dir)
		time.Sleep(lifetime + time.Hour)
		mustFail(t, dir, crtFile, "expired on ", "tenantgate ca rotate")
		if a, err := Inspect(dir); err != nil || a.Certificate().NotAfter.After(time.Now()) {
			t.Errorf("an expired CA can still be shown: %v", err)
		}
	})
}

func TestPairThatDoesNotBelongTogetherIsRefused(t *testing.T) {
	one, two := newDir(t), newDir(t)
	open(t, one)
	open(t, two)
	key, err := os.ReadFile(filepath.Join(two, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(one, keyFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, one, "does not belong to certificate", keyFile, crtFile)
}

func TestDamagedFilesAreRefusedByName(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file, content string
		want                string
	}{
		{"empty certificate", crtFile, "", "no PEM certificate"},
		{"torn certificate", crtFile, "-----BEGIN CERTIFICATE-----\nMIIB", "no PEM certificate"},
		{"certificate of garbage", crtFile, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "parse certificate 1"},
		{"key among the certificates", crtFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "keep keys in a file of their own"},
		{"empty key", keyFile, "", "not a PKCS#8 key"},
		{"key of another form", keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), "openssl pkcs8"},
		{"key of garbage", keyFile, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "CA key "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := newDir(t)
			open(t, dir)
			path := filepath.Join(dir, tt.file)
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			mustFail(t, dir, path, tt.want)
		})
	}
}
