package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

func must(s string) hosts.Name {
	n, err := hosts.Parse(s)
	if err != nil {
		panic(err)
	}
	return n
}

func TestRotationReplacesThePairAndKeepsTheOldCertificate(t *testing.T) {
	dir := newDir(t)
	old := open(t, dir)
	a, err := Rotate(dir, restricted.Union(hosts.MustParseSet("*.vault.azure.net")))
	if err != nil {
		t.Fatal(err)
	}
	if a.Certificate().Equal(old.Certificate()) {
		t.Fatal("the same certificate")
	}
	if _, err := a.Leaf("contoso.vault.azure.net"); err != nil {
		t.Errorf("what the rotation was for: %v", err)
	}
	if !open(t, dir).Certificate().Equal(a.Certificate()) {
		t.Error("the next start has another CA")
	}
	previous, err := folder(dir).readChain(previousFile)
	if err != nil || !previous[0].Equal(old.Certificate()) {
		t.Errorf("the old certificate was not kept: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 3 {
		t.Errorf("files %v (%v), want the pair and the old certificate", files, err)
	}
	if got := mode(t, filepath.Join(dir, keyFile)); got != 0o600 {
		t.Errorf("key has mode %04o", got)
	}
}

func TestPreparedCAIsTheOneThatRotationPutsInPlace(t *testing.T) {
	dir := newDir(t)
	present := open(t, dir)
	next, err := Prepare(dir, restricted)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next.Leaf("graph.microsoft.com"); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("the prepared CA signs before its time: %v", err)
	}
	if !open(t, dir).Certificate().Equal(present.Certificate()) {
		t.Error("the present CA is not at work any more")
	}
	// Overlap: a client that trusts both follows either.
	both := trust(present.Certificate(), next.Certificate())
	if _, err := handshake(t, open(t, dir), both, "graph.microsoft.com"); err != nil {
		t.Errorf("before: %v", err)
	}
	a, err := Rotate(dir, restricted)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Certificate().Equal(next.Certificate()) {
		t.Error("the rotation made another CA than the one clients were given")
	}
	if _, err := handshake(t, a, both, "graph.microsoft.com"); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestPreparedCAThatNoLongerFitsIsNotPutInPlace(t *testing.T) {
	dir := newDir(t)
	present := open(t, dir)
	if _, err := Prepare(dir, restricted); err != nil {
		t.Fatal(err)
	}
	_, err := Rotate(dir, restricted.Union(hosts.MustParseSet("vault.azure.net")))
	if err == nil || !strings.Contains(err.Error(), "does not permit vault.azure.net") {
		t.Errorf("error %v", err)
	}
	if !open(t, dir).Certificate().Equal(present.Certificate()) {
		t.Error("the present CA is not at work any more")
	}
}

func TestCrashDuringARotationLeavesAWorkingPair(t *testing.T) {
	// Each point is a crash right after that step of Rotate.
	for _, tt := range []struct {
		name  string
		steps func(folder) error
		next  bool // the new CA is the one that Open finds
	}{
		{"nothing done", func(folder) error { return nil }, false},
		{"old certificate kept", func(f folder) error { return f.keepPrevious() }, false},
		{"key in place", func(f folder) error {
			return errors.Join(f.keepPrevious(), f.rename(nextKeyFile, keyFile))
		}, true},
		{"certificate in place", func(f folder) error {
			return errors.Join(f.keepPrevious(), f.rename(nextKeyFile, keyFile), f.rename(nextCrtFile, crtFile))
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := newDir(t)
			want := open(t, dir).Certificate()
			next, err := Prepare(dir, restricted)
			if err != nil {
				t.Fatal(err)
			}
			if tt.next {
				want = next.Certificate()
			}
			if err := tt.steps(folder(dir)); err != nil {
				t.Fatal(err)
			}
			a := open(t, dir)
			if !a.Certificate().Equal(want) {
				t.Errorf("found %s, want %s", a.Certificate().Subject, want.Subject)
			}
			if _, err := a.Leaf("graph.microsoft.com"); err != nil {
				t.Error(err)
			}
			// Whoever types the command again gets the CA that clients were given.
			again, err := Rotate(dir, restricted)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.next && !again.Certificate().Equal(next.Certificate()) {
				t.Error("typing the command again made a third CA")
			}
		})
	}
}

func TestRotationThatWasCutOffIsFinishedOnce(t *testing.T) {
	dir := newDir(t)
	open(t, dir)
	next, err := Prepare(dir, restricted)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder(dir).rename(nextKeyFile, keyFile); err != nil {
		t.Fatal(err)
	}
	a, err := Rotate(dir, restricted)
	if err != nil || !a.Certificate().Equal(next.Certificate()) {
		t.Errorf("a second CA was made (%v)", err)
	}
}

func TestDamagedNextCADoesNotStopThePresentOne(t *testing.T) {
	dir := newDir(t)
	open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, nextCrtFile), []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := Rotate(dir, restricted); err == nil {
		t.Error("a damaged CA was put in place")
	}
	if _, err := Prepare(dir, restricted); err != nil {
		t.Errorf("it cannot be prepared again: %v", err)
	}
	if _, err := Rotate(dir, restricted); err != nil {
		t.Error(err)
	}
}

func TestRotationIsTheWayOutOfAnExpiredOrExposedCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDir(t)
		open(t, dir)
		if err := os.Chmod(filepath.Join(dir, keyFile), 0o644); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lifetime + time.Hour)
		if _, err := Rotate(dir, restricted); err != nil {
			t.Fatal(err)
		}
		open(t, dir)
	})
}

func TestRotationWithoutACAMakesTheFirst(t *testing.T) {
	dir := newDir(t)
	if _, err := Rotate(dir, restricted); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, previousFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a previous certificate: %v", err)
	}
}
