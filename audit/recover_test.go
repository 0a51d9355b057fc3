package audit

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// history makes an events file of n lines followed by tail, and returns its
// directory and path.
func history(t *testing.T, n int, tail string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	l, err := Open(Config{}, dir, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		keep(t, l, blocked())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "events.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(tail); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, path
}

func TestADamagedEndIsSetAsideAndAnnounced(t *testing.T) {
	whole := string(line(blocked()))
	for name, tail := range map[string]string{
		"torn line":                 whole[:len(whole)/2],
		"line without its newline":  strings.TrimSpace(whole),
		"zeros":                     strings.Repeat("\x00", 5000),
		"zeros beyond one look":     strings.Repeat("\x00", 3*firstLook+1),
		"zeros after half a line":   whole[:100] + strings.Repeat("\x00", 4096),
		"whole line of rubbish":     "rubbish\n",
		"many lines of rubbish":     strings.Repeat("rubbish\n", firstLook),
		"line with a changed quote": strings.Replace(whole, `"`, `#`, 5),
	} {
		for _, n := range []int{0, 3} {
			t.Run(name, func(t *testing.T) {
				dir, path := history(t, n, tail)
				l := open(t, Config{}, dir)
				aside, err := os.ReadFile(l.Damaged())
				if err != nil {
					t.Fatal(err)
				}
				if string(aside) != tail {
					t.Errorf("%d bytes set aside, want %d", len(aside), len(tail))
				}
				keep(t, l, blocked())
				lines := read(t, path)
				if len(lines) != n+2 {
					t.Fatalf("%d lines, want %d", len(lines), n+2)
				}
				if got := lines[n]; got.Event.Action != "event-log-damaged" || got.Tenantgate.Count != uint64(len(tail)) {
					t.Errorf("announced as %+v", got)
				}
				for i, l := range lines {
					if l.Tenantgate.Seq != uint64(i+1) {
						t.Errorf("line %d has number %d", i+1, l.Tenantgate.Seq)
					}
				}
			})
		}
	}
}

func TestAnUndamagedFileIsLeftAlone(t *testing.T) {
	dir, path := history(t, 3, "")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{}, dir)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) || l.Damaged() != "" {
		t.Errorf("changed, or set aside as %q", l.Damaged())
	}
}

func TestNumbersGoOnAfterTheFileWasRotatedAway(t *testing.T) {
	dir, path := history(t, 3, "")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	e := blocked()
	keep(t, open(t, Config{}, dir), e)
	if e.Seq != 4 {
		t.Errorf("number %d, want 4", e.Seq)
	}
}

// An append-only file cannot be cut: the damage stays, on a line of its own.
func TestADamagedEndThatCannotBeCutIsEnded(t *testing.T) {
	dir, path := history(t, 2, `{"torn`)
	if out, err := exec.Command("chattr", "+a", path).CombinedOutput(); err != nil {
		t.Skipf("chattr: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if err := exec.Command("chattr", "-a", path).Run(); err != nil {
			t.Error(err)
		}
	})
	l := open(t, Config{}, dir)
	keep(t, l, blocked())
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) != 5 || string(lines[2]) != `{"torn` {
		t.Fatalf("%d lines: %s", len(lines), text)
	}
	for _, i := range []int{0, 1, 3, 4} {
		if _, err := audittest.Parse(lines[i]); err != nil {
			t.Error(err)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "damaged-*")); len(found) > 0 || l.Damaged() != "" {
		t.Errorf("set aside as well: %v", found)
	}
}

// Whatever follows the last event, the log starts, keeps what is valid, and
// the next event is a line of its own.
func FuzzOpen(f *testing.F) {
	whole := string(line(blocked()))
	for _, tail := range []string{"", "\n", "{", "{}\n", "{}\n\x00", whole, whole[:30], "\n\n{}\nx\n", "[1]\n", "\xff\n{"} {
		f.Add([]byte(tail))
	}
	f.Fuzz(func(t *testing.T, tail []byte) {
		dir, path := history(t, 1, string(tail))
		l, err := Open(Config{}, dir, testObserver)
		if err != nil {
			t.Fatal(err)
		}
		e := blocked()
		e.ID = NewID()
		keep(t, l, e)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		last, err := audittest.Parse(lines[len(lines)-1])
		if err != nil || last.Event.ID != e.ID || last.Tenantgate.Seq < 2 {
			t.Errorf("last line %s: %v", lines[len(lines)-1], err)
		}
		if first, err := audittest.Parse(lines[0]); err != nil || first.Tenantgate.Seq != 1 {
			t.Errorf("first line %s: %v", lines[0], err)
		}
	})
}
