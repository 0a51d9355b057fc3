package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// sickFile is a segment on a disk that fails while told to.
type sickFile struct {
	*os.File
	ill *illness
}

// An illness says which system calls fail, and how much of a write gets through.
type illness struct {
	write, truncate, sync atomic.Bool
	part                  int
}

func (f sickFile) Write(b []byte) (int, error) {
	if !f.ill.write.Load() {
		return f.File.Write(b)
	}
	n, _ := f.File.Write(b[:min(f.ill.part, len(b))])
	return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.EIO}
}

func (f sickFile) Truncate(size int64) error {
	if f.ill.truncate.Load() {
		return &os.PathError{Op: "truncate", Path: f.Name(), Err: syscall.EIO}
	}
	return f.File.Truncate(size)
}

func (f sickFile) Sync() error {
	if f.ill.sync.Load() {
		return &os.PathError{Op: "sync", Path: f.Name(), Err: syscall.EIO}
	}
	return f.File.Sync()
}

// infect has every segment made from now on be ill with ill.
func infect(l *Log, ill *illness) {
	l.writing.Lock()
	defer l.writing.Unlock()
	for _, s := range l.spool.streams {
		s.mu.Lock()
		s.open = func(path string, flag int) (diskFile, error) {
			f, err := os.OpenFile(path, flag, 0o600)
			return sickFile{f, ill}, err
		}
		s.mu.Unlock()
	}
}

// EIO at each system call in turn: nobody is answered on the strength of what
// is not there, the log goes on when the disk does, and the receiver gets every
// event that was answered, in whole lines.
func TestADiskThatFailsRefusesUntilItDoesNot(t *testing.T) {
	for name, ill := range map[string]func(*illness, bool){
		"nothing of a write gets through":   func(i *illness, on bool) { i.write.Store(on) },
		"half a record gets through":        func(i *illness, on bool) { i.part = 400; i.write.Store(on) },
		"half, and it cannot be taken back": func(i *illness, on bool) { i.part = 400; i.write.Store(on); i.truncate.Store(on) },
		"all, and it cannot be taken back":  func(i *illness, on bool) { i.part = 1 << 20; i.write.Store(on); i.truncate.Store(on) },
		"fsync fails":                       func(i *illness, on bool) { i.sync.Store(on) },
	} {
		t.Run(name, func(t *testing.T) {
			r, dir := newReceiver(t), t.TempDir()
			cfg := r.to()
			cfg.Sync = "always"
			l := open(t, cfg, dir)
			var disk illness
			infect(l, &disk)
			var answered []string
			record := func() error {
				e := blocked()
				e.ID = NewID()
				err := l.Record(e)
				if err == nil {
					answered = append(answered, e.ID)
				}
				return err
			}
			for range 3 {
				for range 5 {
					if err := record(); err != nil {
						t.Fatal(err)
					}
				}
				ill(&disk, true)
				for range 3 {
					if err := record(); !errors.Is(err, syscall.EIO) {
						t.Fatalf("error %v, want %v", err, syscall.EIO)
					}
				}
				ill(&disk, false)
			}
			if err := record(); err != nil {
				t.Fatalf("it did not recover: %v", err)
			}
			r.await(t, answered)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			intact(t, filepath.Join(dir, "events.jsonl"), answered)
			again := open(t, cfg, dir)
			e := blocked()
			e.ID = NewID()
			keep(t, again, e)
			r.await(t, append(answered, e.ID))
		})
	}
}

// intact expects whole lines whose numbers go up, and every answered event.
func intact(t *testing.T, path string, answered []string) {
	t.Helper()
	there, last := map[string]bool{}, uint64(0)
	for _, one := range read(t, path) {
		if one.Tenantgate.Seq <= last {
			t.Errorf("number %d follows %d", one.Tenantgate.Seq, last)
		}
		last, there[one.Event.ID] = one.Tenantgate.Seq, true
	}
	for _, id := range answered {
		if !there[id] {
			t.Errorf("%s was answered and is not in the file", id)
		}
	}
}

// outliveDisk records until it cannot, and goes on being refused.
// AUDIT_TEST_FAULT is a command that breaks the disk.
func outliveDisk() int {
	cfg := childConfig()
	cfg.Sync = "always"
	l, err := Open(cfg, filepath.Join(os.Getenv("AUDIT_TEST_DIR"), "events"), testObserver)
	if err != nil {
		return complain("%v", err)
	}
	record := func() error {
		e := blocked()
		e.ID = NewID()
		if err := l.Record(e); err != nil {
			return err
		}
		fmt.Println("answered", e.ID)
		return nil
	}
	for range 50 {
		if err := record(); err != nil {
			return complain("on a healthy disk: %v", err)
		}
	}
	if out, err := exec.Command("sh", "-c", os.Getenv("AUDIT_TEST_FAULT")).CombinedOutput(); err != nil {
		return complain("%v: %s", err, out)
	}
	for range 2000 { // as much as a page cache may take
		if err = record(); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.EIO) {
		return complain("error %v, want %v or %v", err, syscall.EROFS, syscall.EIO)
	}
	fmt.Println("refused:", err)
	for range 20 {
		if record() == nil {
			return complain("an event was kept on a disk that is broken")
		}
	}
	if l.Stats().Failed < 21 {
		return complain("stats %+v", l.Stats())
	}
	return 0 // without Close: the disk is gone, as after a power loss
}

// A disk of ext4 on a file, which breaks for good in the middle of the work:
// by the kernel's own emergency remount, which makes it read-only under open
// files, and by a device that has no room for what it promised. With
// events.sync: always every answered event is there when the disk is back.
func TestADiskThatBreaksForGoodKeepsWhatWasAnswered(t *testing.T) {
	for name, fault := range map[string]string{
		"read-only remount": `mount -o remount,abort "$AUDIT_TEST_DIR"`,
		"I/O error":         `dd if=/dev/zero of="$AUDIT_TEST_DIR/../under/ballast" bs=64k 2>/dev/null || true`,
	} {
		t.Run(name, func(t *testing.T) {
			r, base := newReceiver(t), t.TempDir()
			t.Setenv("AUDIT_TEST_URL", r.URL)
			t.Setenv("AUDIT_TEST_FAULT", fault)
			c := child("broken", filepath.Join(base, "disk"), onLoop(t, base)...)
			var said bytes.Buffer
			c.Stderr = &said
			out, err := c.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, said.String(), out)
			}
			var answered []string
			there := map[string]bool{}
			for line := range strings.Lines(string(out)) {
				switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
				case "answered":
					answered = append(answered, rest)
				case "there":
					there[rest] = true
				default:
					t.Logf("%d answered, then %s %s", len(answered), word, rest)
				}
			}
			for _, id := range answered {
				if !there[id] {
					t.Errorf("%s was answered and is not there when the disk is back", id)
				}
			}
			r.await(t, answered)
		})
	}
}

// onLoop returns a command line that runs what follows it on a disk of ext4
// under base, and again, as the child "mended", when the disk was mounted anew;
// it skips where that cannot be done.
func onLoop(t *testing.T, base string) []string {
	t.Helper()
	for _, dir := range []string{"disk", "under"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mount := fmt.Sprintf(`cd %q && mount -t tmpfs -o size=10m none under && truncate -s 16M under/img && mkfs.ext4 -q -F under/img && mount -o loop under/img disk`, base)
	if out, err := exec.Command("unshare", "-m", "sh", "-c", mount).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a file system on a file: %v: %s", err, out)
	}
	return []string{"unshare", "-m", "sh", "-c", mount + ` && "$0" && rm -f under/ballast && umount disk && mount -o loop under/img disk && AUDIT_TEST_CHILD=mended "$0"`}
}

// listWhatIsThere opens the log again, as the next start does, has the sinks
// take what is left, and lists what is in the file.
func listWhatIsThere() int {
	dir := filepath.Join(os.Getenv("AUDIT_TEST_DIR"), "events")
	l, err := Open(childConfig(), dir, testObserver)
	if err != nil {
		return complain("open again: %v", err)
	}
	if err := errors.Join(l.Record(blocked()), l.Close()); err != nil {
		return complain("go on: %v", err)
	}
	lines, err := audittest.Read(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		return complain("%v", err)
	}
	for _, one := range lines {
		fmt.Println("there", one.Event.ID)
	}
	return 0
}
