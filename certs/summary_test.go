package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/needs"
)

func TestShowTellsEverythingTheCACanDo(t *testing.T) {
	dir := newDir(t)
	open(t, dir)
	a, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := a.Certificate()
	text := a.String()
	for _, want := range append(append([]string{c.Subject.String(), fmt.Sprintf("%x", c.SerialNumber), fingerprint(c), "ECDSA P-256",
		c.NotAfter.UTC().Format("2006-01-02"), "0.0.0.0/0", "::/0", filepath.Join(dir, crtFile), filepath.Join(dir, keyFile)},
		c.PermittedDNSDomains...), c.ExcludedDNSDomains...) {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	var s Summary
	src, err := json.Marshal(a.Summary())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(src, &s); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a.Summary(), s); d != "" {
		t.Errorf("JSON loses something (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"graph.microsoft.com", "login.microsoftonline.com", "officeapps.live.com", "sharepoint.com"}, s.Permitted); d != "" {
		t.Errorf("permitted (-want +got):\n%s", d)
	}
}

func TestFingerprintIsTheOneOpenSSLShows(t *testing.T) {
	needs.Tool(t, "openssl")
	dir := newDir(t)
	a := open(t, dir)
	out, err := exec.Command("openssl", "x509", "-in", filepath.Join(dir, crtFile), "-noout", "-fingerprint", "-sha256").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), a.Summary().SHA256) {
		t.Errorf("OpenSSL says %s, Summary %s", out, a.Summary().SHA256)
	}
}

func TestInspectNeverMakesACA(t *testing.T) {
	dir := newDir(t)
	if _, err := Inspect(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "tenantgate ca init") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

func TestExportGivesWhatClientsHaveToTrust(t *testing.T) {
	a := newTestAuthority(t)
	for _, format := range []string{"pem", "crt", "der", "cer"} {
		var b bytes.Buffer
		if err := a.Export(&b, format); err != nil {
			t.Fatal(err)
		}
		der := b.Bytes()
		if block, _ := pem.Decode(der); block != nil {
			der = block.Bytes
		}
		if got, err := x509.ParseCertificate(der); err != nil || !got.Equal(a.Certificate()) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if err := a.Export(&bytes.Buffer{}, "pfx"); err == nil {
		t.Error("exported as pfx")
	}
	c := newCorporate(t)
	chained, err := Load(formatPEM(c.intermediate, c.root), c.key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := chained.Export(&b, "der"); err != nil || !bytes.Equal(b.Bytes(), c.root.Raw) {
		t.Errorf("an own intermediate exports something else than its root: %v", err)
	}
}

// TestKeyNeverGetsIntoOutput prints an authority in every way there is and
// looks for the key's secret number.
func TestKeyNeverGetsIntoOutput(t *testing.T) {
	dir := newDir(t)
	a := open(t, dir)
	secret, err := a.signer.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}

	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %x\n", a, a, a, a, a)
	slog.New(slog.NewTextHandler(&b, nil)).Info("ca", "ca", a)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("ca", "ca", a)
	for _, form := range []string{string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), fmt.Sprint(secret)} {
		if strings.Contains(b.String(), form) {
			t.Errorf("the key is in the output as %q", form)
		}
	}
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(key); !bytes.Contains(block.Bytes, secret) {
		t.Error("the test looks for something that is not the key")
	}
}
