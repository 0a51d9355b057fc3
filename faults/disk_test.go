package faults_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tenantgate/tenantgate/needs"
)

// damaged kills the program while the receiver takes nothing, damages what is
// on disk, and starts it again. Nothing of the events file is taken away, so
// each refusal still is somewhere.
func damaged(how func(s *stage, file string)) func(*stage) {
	return func(s *stage) {
		s.run(settings{})
		for range 3 {
			s.siem.stop()
			s.under(0.7)
			s.gate.end(syscall.SIGKILL)
			for _, file := range s.spooled() {
				how(s, file)
			}
			how(s, filepath.Join(s.gate.state, "events", "events.jsonl"))
			s.siem.start(nil)
			s.gate.run()
			s.works()
		}
		if len(s.setAside()) == 0 {
			s.Errorf("nothing was set aside:\n%s", s.gate.last())
		}
	}
}

// spooled are the newest segments of the spool.
func (s *stage) spooled() (files []string) {
	s.Helper()
	for _, kind := range []string{"tenant", "access"} {
		found, err := filepath.Glob(filepath.Join(s.gate.state, "events", "spool", kind, "0*"))
		if err != nil || len(found) == 0 {
			s.Fatalf("no spool of %s events: %v", kind, err)
		}
		files = append(files, slices.Max(found))
	}
	return files
}

// setAside is what the program found damaged and kept.
func (s *stage) setAside() (files []string) {
	for _, pattern := range []string{"damaged-*", "spool/damaged-*", "spool/*/damaged-*"} {
		found, _ := filepath.Glob(filepath.Join(s.gate.state, "events", pattern))
		files = append(files, found...)
	}
	return files
}

// R06: a bit is flipped in the middle of the spool; the events file stays.
func flipABit(s *stage, file string) {
	s.Helper()
	if strings.HasSuffix(file, ".jsonl") {
		return
	}
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 {
		text[len(text)/2] ^= 4
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// R07: the last record is torn. The file gets half a line more instead: what
// is in it was answered.
func tear(s *stage, file string) {
	s.Helper()
	if strings.HasSuffix(file, ".jsonl") {
		add(s, file, []byte(`{"@timestamp":"2026-11-2`))
		return
	}
	info, err := os.Stat(file)
	if err == nil {
		err = os.Truncate(file, max(0, info.Size()-7))
	}
	if err != nil {
		s.Fatal(err)
	}
}

// R08: zeros at the end, as a file system leaves them after a power loss.
func fillWithZeros(s *stage, file string) {
	s.Helper()
	add(s, file, make([]byte, 4096))
}

func add(s *stage, file string, text []byte) {
	s.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.Fatal(err)
	}
}

// notRecorded waits until what must be recorded is refused because it cannot
// be.
func (s *stage) notRecorded() {
	s.Helper()
	c := s.load.client(0)
	defer c.CloseIdleConnections()
	for _, k := range []kind{foreign, signIn} {
		got := ""
		s.await(string(k)+" is refused for want of a record", func() bool {
			_, got, _ = s.load.ask(k, c)
			return got == "refused: 403 not-recorded"
		})
	}
}

// R09: the spool goes, then the whole directory of the events.
func deletedDirectory(s *stage) {
	s.run(settings{})
	for range 3 {
		if err := os.RemoveAll(filepath.Join(s.gate.state, "events", "spool")); err != nil {
			s.Fatal(err)
		}
		s.under(0.5)
		s.works()
	}
	dir := filepath.Join(s.gate.state, "events")
	if err := os.Rename(dir, dir+".gone"); err != nil { // what was answered is not lost to the test
		s.Fatal(err)
	}
	s.notRecorded()
	s.under(0.5)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.Fatal(err)
	}
	s.works()
	if err := errors.Join(os.Rename(filepath.Join(dir+".gone", "events.jsonl"), filepath.Join(dir, "before.jsonl"))); err != nil {
		s.Fatal(err)
	}
}

// R10: the disk is full.
func fullDisk(s *stage) {
	s.mount("tmpfs", "tmpfs", "size=16m")
	s.run(settings{})
	ballast := filepath.Join(s.gate.state, "ballast")
	for range 2 {
		err := os.WriteFile(ballast, make([]byte, 17<<20), 0o600)
		if !errors.Is(err, syscall.ENOSPC) {
			s.Fatalf("the disk is not full: %v", err)
		}
		s.notRecorded()
		s.under(0.5)
		if err := os.Remove(ballast); err != nil {
			s.Fatal(err)
		}
		s.works()
	}
}

func (s *stage) mount(source, kind, options string) {
	s.Helper()
	if err := errors.Join(os.MkdirAll(s.gate.state, 0o700), unix.Mount(source, s.gate.state, kind, 0, options)); err != nil {
		needs.Missing(s.T, "cannot mount: "+err.Error())
	}
	s.Cleanup(func() { _ = unix.Unmount(s.gate.state, unix.MNT_DETACH) })
}

// R11: the kernel makes the disk read-only under open files. It is mounted
// anew, and the program started.
func readOnlyDisk(s *stage) {
	image := filepath.Join(s.TempDir(), "disk")
	s.shell(`truncate -s 64M "$0" && mkfs.ext4 -q -F "$0" && mkdir -p "$1" && mount -o loop "$0" "$1"`, image, s.gate.state)
	s.Cleanup(func() { _ = unix.Unmount(s.gate.state, unix.MNT_DETACH) })
	s.run(settings{events: "sync: always"})
	s.under(0.5)
	s.shell(`mount -o remount,abort "$0"`, s.gate.state)
	s.notRecorded()
	s.under(0.5)
	s.gate.end(syscall.SIGKILL)
	s.gate.launch()
	<-s.gate.ended
	if code := s.gate.cmd.ProcessState.ExitCode(); code != 3 {
		s.Errorf("start on a disk that is read-only: exit code %d\n%s", code, s.gate.last())
	}
	s.shell(`umount "$1" && mount -o loop "$0" "$1"`, image, s.gate.state)
	s.gate.run()
}

func (s *stage) shell(script string, args ...string) {
	s.Helper()
	out, err := exec.Command("sh", append([]string{"-c", script}, args...)...).CombinedOutput()
	if err != nil {
		needs.Missing(s.T, "cannot be done here: "+err.Error()+": "+string(out))
	}
}
