package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// open opens a log in dir that is closed with the test.
func open(t *testing.T, cfg Config, dir string) *Log {
	t.Helper()
	l, err := Open(cfg, dir, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func keep(t *testing.T, l *Log, e *Event) {
	t.Helper()
	if err := l.Record(e); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []audittest.Line {
	t.Helper()
	lines, err := audittest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func actions(lines []audittest.Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Event.Action)
	}
	return strings.Join(all, " ")
}

func TestATenantEventIsInTheFileWhenRecordReturns(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	for i := range 3 {
		e := blocked()
		keep(t, l, e)
		lines := read(t, filepath.Join(dir, "events.jsonl"))
		if len(lines) != i+1 || e.Seq != uint64(i+1) || lines[i].Tenantgate.Seq != e.Seq {
			t.Fatalf("event %d: %d lines, number %d", i, len(lines), e.Seq)
		}
	}
}

func TestAnEventWithoutIDAndTimeGetsThem(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	e := &Event{Action: "request-blocked"}
	before := time.Now().Truncate(time.Microsecond)
	keep(t, l, e)
	line := read(t, filepath.Join(dir, "events.jsonl"))[0]
	if e.ID == "" || line.Event.ID != e.ID || line.Timestamp.Before(before) {
		t.Errorf("id %q, line %+v", e.ID, line)
	}
}

func TestTheLogIsItsOwnersOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "events")
	open(t, Config{}, dir)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "events.jsonl"): 0o600, filepath.Join(dir, "lock"): 0o600} {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestLinesAreInTheOrderOfTheirNumbers(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if err := errors.Join(l.Record(blocked()), l.Record(forwarded())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lines := read(t, filepath.Join(dir, "events.jsonl"))
	for i, line := range lines {
		if line.Tenantgate.Seq != uint64(i+1) {
			t.Fatalf("line %d has number %d", i+1, line.Tenantgate.Seq)
		}
	}
	s := l.Stats()
	if len(lines) != 1600 || s.Tenant != 800 || s.Access != 800 || s.Pending != 0 {
		t.Errorf("%d lines, %+v", len(lines), s)
	}
}

func TestAccessEventsAreWrittenWithinAQuarterOfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, Config{}, dir)
		path := filepath.Join(dir, "events.jsonl")
		for round := range 3 {
			keep(t, l, forwarded())
			synctest.Wait()
			if n := len(read(t, path)); n != round {
				t.Errorf("%d lines at once, want %d", n, round)
			}
			time.Sleep(flushEvery)
			synctest.Wait()
			if n := len(read(t, path)); n != round+1 {
				t.Errorf("%d lines after %v, want %d", n, flushEvery, round+1)
			}
		}
	})
}

func TestAccessEventsGoWithTheNextTenantEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, Config{}, dir)
		keep(t, l, forwarded())
		keep(t, l, blocked())
		if got := actions(read(t, filepath.Join(dir, "events.jsonl"))); got != "request-blocked request-forwarded" {
			t.Errorf("file has %s", got)
		}
	})
}

func TestCloseWritesWhatWaits(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	keep(t, l, forwarded())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(read(t, filepath.Join(dir, "events.jsonl"))); n != 1 {
		t.Errorf("%d lines", n)
	}
	for _, e := range []*Event{blocked(), forwarded()} {
		if err := l.Record(e); !errors.Is(err, ErrClosed) {
			t.Errorf("Record after Close: %v", err)
		}
	}
	if err := l.Reopen(); !errors.Is(err, ErrClosed) {
		t.Errorf("Reopen after Close: %v", err)
	}
}

func TestSheddingTakesTheOldestAndIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, logs := t.TempDir(), filepath.Join(t.TempDir(), "logs")
		if err := os.Mkdir(logs, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(logs, "events.jsonl")
		l := open(t, Config{File: path}, dir)
		if err := os.RemoveAll(logs); err != nil {
			t.Fatal(err)
		}
		if err := l.Record(blocked()); err == nil {
			t.Fatal("an event was recorded nowhere")
		}
		const n = 20_000
		for i := range n {
			e := forwarded()
			e.RequestID = fmt.Sprint(i)
			keep(t, l, e)
		}
		time.Sleep(2 * flushEvery) // attempts that fail, and must not lose the count
		synctest.Wait()
		s := l.Stats()
		if s.Failed != 1 || s.Shed == 0 || s.Pending+int(s.Shed) != n || s.Pending < maxAccess/keepCap {
			t.Fatalf("stats %+v", s)
		}
		if err := os.Mkdir(logs, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		lines := read(t, path)
		if len(lines) != s.Pending+1 {
			t.Fatalf("%d lines, %d were pending", len(lines), s.Pending)
		}
		if got := lines[0]; got.Event.Action != "access-events-shed" || got.Tenantgate.Kind != "tenant" || got.Tenantgate.Count != s.Shed {
			t.Errorf("first line %+v", got)
		}
		for i, line := range lines[1:] {
			if want := fmt.Sprint(int(s.Shed) + i); line.HTTP.Request.ID != want {
				t.Fatalf("line %d is event %s, want %s", i, line.HTTP.Request.ID, want)
			}
		}
	})
}

func TestSheddingIsAnnouncedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, Config{}, dir)
		for range 4 {
			l.mu.Lock()
			l.queue.shed += 5
			l.mu.Unlock()
			keep(t, l, blocked())
		}
		time.Sleep(announceEvery)
		synctest.Wait()
		var counts []uint64
		for _, line := range read(t, filepath.Join(dir, "events.jsonl")) {
			if line.Event.Action == "access-events-shed" {
				counts = append(counts, line.Tenantgate.Count)
			}
		}
		if fmt.Sprint(counts) != "[5 15]" {
			t.Errorf("announced %v", counts)
		}
	})
}

func TestADeletedDirectoryIsAnErrorUntilItIsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	l := open(t, Config{}, dir)
	keep(t, l, blocked())
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := l.Record(blocked()); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("error %v", err)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	e := blocked()
	keep(t, l, e)
	if lines := read(t, filepath.Join(dir, "events.jsonl")); len(lines) != 1 || lines[0].Tenantgate.Seq != 2 {
		t.Errorf("lines %+v", lines)
	}
	if s := l.Stats(); s.Failed != 3 || s.Errors != 3 {
		t.Errorf("stats %+v", s)
	}
}

func TestARemovedFileIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	path := filepath.Join(dir, "events.jsonl")
	for want := range uint64(3) {
		keep(t, l, blocked())
		if lines := read(t, path); len(lines) != 1 || lines[0].Tenantgate.Seq != want+1 {
			t.Fatalf("lines %+v", lines)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReopenFollowsARotation(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	path := filepath.Join(dir, "events.jsonl")
	keep(t, l, blocked())
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	keep(t, l, blocked()) // still to the old one, and kept there
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	keep(t, l, blocked())
	if a, b := len(read(t, path+".1")), len(read(t, path)); a != 2 || b != 1 {
		t.Errorf("%d lines in the old file, %d in the new", a, b)
	}
}

func TestARotationWithoutASignalIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, Config{}, dir)
		path := filepath.Join(dir, "events.jsonl")
		keep(t, l, blocked())
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(syncEvery)
		synctest.Wait()
		keep(t, l, blocked())
		if a, b := len(read(t, path+".1")), len(read(t, path)); a != 1 || b != 1 {
			t.Errorf("%d lines in the old file, %d in the new", a, b)
		}
	})
}

func TestAFileCutByAnotherProgramIsWrittenFromItsNewEnd(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	path := filepath.Join(dir, "events.jsonl")
	keep(t, l, blocked())
	if err := os.Truncate(path, 0); err != nil { // logrotate's copytruncate
		t.Fatal(err)
	}
	keep(t, l, blocked())
	if lines := read(t, path); len(lines) != 1 || lines[0].Tenantgate.Seq != 2 {
		t.Errorf("lines %+v", lines)
	}
}

func TestASecondInstanceIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, Config{}, dir)
	_, err := Open(Config{}, dir, testObserver)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("same directory: %v", err)
	}
	path := filepath.Join(dir, "events.jsonl")
	if _, err := Open(Config{File: path}, t.TempDir(), testObserver); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("same file: %v", err)
	}
}

func TestADeviceThatIsFullIsAnError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	l := open(t, Config{File: "/dev/full"}, t.TempDir())
	if err := l.Record(blocked()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
}

func TestEventsThatCannotBeWrittenAtCloseAreReported(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	l, err := Open(Config{File: "/dev/full"}, t.TempDir(), testObserver)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, l, forwarded())
	if err := l.Close(); err == nil {
		t.Error("a lost access event is not reported")
	}
}
