package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// Children are what this test binary does instead of testing when
// AUDIT_TEST_CHILD names one: what needs a process of its own to be killed,
// confined or mounted over. AUDIT_TEST_DIR is its directory.
var children = map[string]func() int{
	"load":       writeUntilKilled,
	"point":      dieAtPoint,
	"broken":     outliveDisk,
	"mended":     listWhatIsThere,
	"limit":      writeBeyondLimit,
	"full":       fillDisk,
	"passfull":   passFullDisk,
	"readonly":   openReadOnly,
	"stdout":     writeToStdout,
	"brokenpipe": writeToBrokenPipe,
}

func child(name, dir string, before ...string) *exec.Cmd {
	argv := append(before, os.Args[0])
	c := exec.Command(argv[0], argv[1:]...)
	c.Env = append(os.Environ(), "AUDIT_TEST_CHILD="+name, "AUDIT_TEST_DIR="+dir)
	c.Stderr = os.Stderr
	return c
}

// check runs a child that tests by itself.
func check(t *testing.T, name, dir string, before ...string) {
	t.Helper()
	c := child(name, dir, before...)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Run(); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}

// complain ends a child whose expectation failed.
func complain(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	return 1
}

// childConfig has a sink at AUDIT_TEST_URL, if that is set, and a spool of
// small segments.
func childConfig() Config {
	url := os.Getenv("AUDIT_TEST_URL")
	if url == "" {
		return Config{}
	}
	return Config{
		Spool: SpoolConfig{MaxBytes: 2 << 30},
		Sinks: []SinkConfig{{Name: "siem", Type: "webhook", URL: url, Batch: BatchConfig{Count: 100, Linger: 5 * time.Millisecond}}},
	}
}

// writeUntilKilled prints the id of each event after Record returned nil.
func writeUntilKilled() int {
	l, err := Open(childConfig(), os.Getenv("AUDIT_TEST_DIR"), testObserver)
	if err != nil {
		return complain("%v", err)
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for {
				e := blocked()
				e.ID = NewID()
				if l.Record(e) != nil || l.Record(forwarded()) != nil {
					return
				}
				fmt.Println(e.ID)
			}
		})
	}
	all.Wait()
	return 1
}

func TestAnAcknowledgedEventSurvivesKill9(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		acknowledged = append(acknowledged, killedAfter(t, dir, 50+97*round)...)
	}
	l, err := Open(Config{}, dir, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	lines := read(t, filepath.Join(dir, "events.jsonl"))
	there := make(map[string]bool, len(lines))
	for i, line := range lines {
		there[line.Event.ID] = true
		if line.Tenantgate.Seq != uint64(i+1) {
			t.Fatalf("line %d has number %d", i+1, line.Tenantgate.Seq)
		}
	}
	for _, id := range acknowledged {
		if !there[id] {
			t.Errorf("%s was acknowledged and is not in the file", id)
		}
	}
	t.Logf("%d acknowledged, %d lines", len(acknowledged), len(lines))
}

// killedAfter runs a child until it has acknowledged n events, kills it, and
// returns all that it acknowledged.
func killedAfter(t *testing.T, dir string, n int) (ids []string) {
	t.Helper()
	c := child("load", dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewReader(out); ; {
		id, err := s.ReadString('\n')
		if err != nil {
			break
		}
		if ids = append(ids, strings.TrimSpace(id)); len(ids) == n {
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = c.Wait() // it was killed
	if len(ids) < n {
		t.Fatalf("the child ended after %d events", len(ids))
	}
	return ids
}

// writeBeyondLimit runs into a limit on the size of files, which fails a write
// half-way as a full disk does, and has it lifted again.
func writeBeyondLimit() int {
	dir := os.Getenv("AUDIT_TEST_DIR")
	l, err := Open(childConfig(), dir, testObserver)
	if err != nil {
		return complain("%v", err)
	}
	old := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return complain("%v", err)
	}
	// Not a multiple of a line, so that the last write is cut in two.
	tight := syscall.Rlimit{Cur: 100_001, Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		return complain("%v", err)
	}
	return exhaust(l, dir, syscall.EFBIG, func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) })
}

func TestAFileThatCannotGrowFailsEveryCallerUntilItCan(t *testing.T) {
	check(t, "limit", t.TempDir())
}

// fillDisk fills the file system that dir is, and makes room again.
func fillDisk() int {
	dir := os.Getenv("AUDIT_TEST_DIR")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 200<<10), 0o600); err != nil {
		return complain("%v", err)
	}
	l, err := Open(childConfig(), filepath.Join(dir, "events"), testObserver)
	if err != nil {
		return complain("%v", err)
	}
	return exhaust(l, filepath.Join(dir, "events"), syscall.ENOSPC, func() error { return os.Remove(ballast) })
}

// unshared returns a command line that runs what follows it with a file system
// of 512 KiB at dir, mounted with options; it skips where that cannot be done.
func unshared(t *testing.T, dir, options string) []string {
	t.Helper()
	script := fmt.Sprintf(`mount -t tmpfs -o size=512k none %q`, dir)
	if options != "" {
		script += fmt.Sprintf(` && mount -o remount,%s %q`, options, dir)
	}
	if err := exec.Command("unshare", "-m", "sh", "-c", script).Run(); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	return []string{"unshare", "-m", "sh", "-c", script + ` && exec "$0"`}
}

func TestAFullDiskFailsEveryCallerUntilThereIsRoom(t *testing.T) {
	dir := t.TempDir()
	check(t, "full", dir, unshared(t, dir, "")...)
}

// exhaust records from many callers until each had an error, removes the
// obstacle, and expects a file of whole lines that has every acknowledged
// event once, and no other.
func exhaust(l *Log, dir string, want error, lift func() error) int {
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var last error
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				e := blocked()
				e.ID = NewID()
				err := l.Record(e)
				mu.Lock()
				if err == nil {
					acknowledged[e.ID] = true
				} else {
					last = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if !errors.Is(last, want) {
		return complain("error %v, want %v", last, want)
	}
	if s := l.Stats(); s.Failed < 8 || s.LastError == "" {
		return complain("stats %+v", s)
	}
	if err := lift(); err != nil {
		return complain("%v", err)
	}
	for range 8 {
		e := blocked()
		e.ID = NewID()
		if err := l.Record(e); err != nil {
			return complain("it did not recover: %v", err)
		}
		acknowledged[e.ID] = true
	}
	if err := l.Close(); err != nil {
		return complain("%v", err)
	}
	lines, err := audittest.Read(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		return complain("%v", err)
	}
	for i, line := range lines {
		if line.Tenantgate.Seq != uint64(i+1) || !acknowledged[line.Event.ID] {
			return complain("line %d has number %d, acknowledged: %v", i+1, line.Tenantgate.Seq, acknowledged[line.Event.ID])
		}
		delete(acknowledged, line.Event.ID)
	}
	if len(acknowledged) > 0 {
		return complain("%d acknowledged events are not in the file", len(acknowledged))
	}
	return 0
}

func openReadOnly() int {
	for _, dir := range []string{os.Getenv("AUDIT_TEST_DIR"), filepath.Join(os.Getenv("AUDIT_TEST_DIR"), "new")} {
		if _, err := Open(Config{}, dir, testObserver); !errors.Is(err, syscall.EROFS) {
			return complain("error %v, want %v", err, syscall.EROFS)
		}
	}
	// The directory is fine and the file is not.
	path := filepath.Join(os.Getenv("AUDIT_TEST_DIR"), "events.jsonl")
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return complain("%v", err)
	}
	defer os.RemoveAll(dir)
	if _, err := Open(Config{File: path}, dir, testObserver); !errors.Is(err, syscall.EROFS) {
		return complain("error %v, want %v", err, syscall.EROFS)
	}
	return 0
}

func TestStartIsRefusedWhereNothingCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	check(t, "readonly", dir, unshared(t, dir, "ro")...)
}

func writeToStdout() int {
	l, err := Open(Config{File: "-"}, os.Getenv("AUDIT_TEST_DIR"), testObserver)
	if err != nil {
		return complain("%v", err)
	}
	for range 3 {
		if err := errors.Join(l.Record(forwarded()), l.Record(blocked())); err != nil {
			return complain("%v", err)
		}
	}
	if err := l.Close(); err != nil {
		return complain("%v", err)
	}
	return 0
}

func TestADashIsStandardOutput(t *testing.T) {
	dir := t.TempDir()
	next := uint64(1)
	for range 2 { // the second run goes on where the first ended
		out, err := child("stdout", dir).Output()
		if err != nil {
			t.Fatal(err)
		}
		for text := range bytes.Lines(out) {
			line, err := audittest.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if line.Tenantgate.Seq != next {
				t.Errorf("number %d, want %d", line.Tenantgate.Seq, next)
			}
			next++
		}
	}
	if next != 13 {
		t.Errorf("%d events, want 12", next-1)
	}
	if _, err := os.Stat(filepath.Join(dir, "events.jsonl")); err == nil {
		t.Error("there is a file as well")
	}
}

func writeToBrokenPipe() int {
	l, err := Open(Config{File: "-"}, os.Getenv("AUDIT_TEST_DIR"), testObserver)
	if err != nil {
		return complain("%v", err)
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil { // until the parent has closed the pipe
		return complain("input")
	}
	if err := l.Record(blocked()); !errors.Is(err, syscall.EPIPE) {
		return complain("error %v, want %v", err, syscall.EPIPE)
	}
	return 0
}

func TestAReaderThatGoesAwayIsAnErrorAndNotTheEnd(t *testing.T) {
	c := child("brokenpipe", t.TempDir())
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), r.Close(), in.Close()); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
