package faults_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stepped builds the program with a clock that a file sets: package time of
// the standard library adds to the wall clock what the file says, so that the
// monotonic clock goes on, as when an administrator sets the time. Nothing
// else can do that to a Go program: it asks the kernel without a library.
var stepped = sync.OnceValues(func() (string, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	src := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time")
	text, err := os.ReadFile(filepath.Join(src, "time.go"))
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "tenantgate-clock-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	patched := strings.Replace(string(text), now, now+"\tsec += stepped()\n", 1)
	if patched == string(text) {
		return "", errors.New("time.Now is not what it was")
	}
	files := map[string]string{
		filepath.Join(src, "time.go"):    filepath.Join(dir, "time.go"),
		filepath.Join(src, "stepped.go"): filepath.Join(dir, "stepped.go"),
	}
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"time.go": patched, "stepped.go": steppedSource, "overlay.json": string(overlay)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return build("-overlay", filepath.Join(dir, "overlay.json"))
})

const steppedSource = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var steps = mapSteps()

func mapSteps() *int64 {
	name, ok := syscall.Getenv("TENANTGATE_CLOCK")
	if !ok {
		return nil
	}
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	page, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}

func stepped() int64 {
	if steps == nil {
		return 0
	}
	return atomic.LoadInt64(steps)
}
`

// clocked has the program run with a clock that step sets.
func (s *stage) clocked() {
	s.Helper()
	name, err := stepped()
	if err != nil {
		s.Fatal(err)
	}
	s.gate.name = name
	file := filepath.Join(s.gate.dir, "clock")
	s.gate.env = append(s.gate.env, "TENANTGATE_CLOCK="+file)
	if err := os.WriteFile(file, make([]byte, 8), 0o600); err != nil {
		s.Fatal(err)
	}
}

// step sets the clock of the program and of its clients so far off.
func (s *stage) step(off time.Duration) {
	s.Helper()
	f, err := os.OpenFile(filepath.Join(s.gate.dir, "clock"), os.O_WRONLY, 0)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(int64(off.Seconds()))), 0); err != nil {
		s.Fatal(err)
	}
	s.load.skew.Store(int64(off))
}

// R16: the clock is set 25 hours ahead and back, and 25 hours back. Leaves,
// events, what was learnt of tenants and the tokens that were read know the
// wall clock.
func clockSteps(s *stage) {
	s.clocked()
	s.gate.configure(settings{})
	s.step(-10 * 24 * time.Hour) // the CA was made a while ago
	s.gate.run()
	if code := s.gate.end(syscall.SIGTERM); code != 0 {
		s.Fatalf("exit code %d", code)
	}
	s.step(0)
	s.run(settings{})
	for _, hours := range []int{25, 0, -25, 0, 25, -25, 7 * 24, 0} {
		s.step(time.Duration(hours) * time.Hour)
		s.under(0.7)
		s.Logf("%+d hours", hours)
		s.works()
		c := s.load.client(0)
		if _, got, _ := s.load.ask(foreign, c); got != "ok" {
			s.Errorf("%+d hours: a replayed token: %s", hours, got)
		}
		c.CloseIdleConnections()
		s.dated(time.Duration(hours) * time.Hour)
	}
	s.onlyFailed(fresh, tunnel)
}

// dated fails unless the last event is of the clock that was set.
func (s *stage) dated(off time.Duration) {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.gate.state, "events", "events.jsonl"))
	if err != nil {
		s.Fatal(err)
	}
	var last struct {
		At time.Time `json:"@timestamp"`
	}
	lines := bytes.Split(text, []byte("\n")) // what is behind the last line end is not whole
	if err := json.Unmarshal(lines[max(0, len(lines)-2)], &last); err != nil {
		s.Fatal(err)
	}
	if d := time.Since(last.At.Add(-off)); d.Abs() > time.Hour {
		s.Errorf("%v: an event of %v", off, last.At)
	}
}
