package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

func fileSink(t *testing.T, c SinkConfig) *File {
	t.Helper()
	c.Name, c.Type = "f", "file"
	s, err := newSink(c, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	f := s.(*File)
	t.Cleanup(func() { f.Close() })
	return f
}

func send(t *testing.T, s Sink, batch ...Line) {
	t.Helper()
	if err := s.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsRotatedAndNothingInItIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.jsonl")
	s := fileSink(t, SinkConfig{File: FileConfig{Path: path, MaxBytes: minFileBytes, Keep: 3}})
	now := noon
	s.now = func() time.Time { now = now.Add(time.Second); return now }
	sent := 0
	for range 8 {
		send(t, s, many(400)...)
		sent += 400
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "gate-*.jsonl"))
	if len(files) == 0 || len(files) > 3 {
		t.Fatalf("kept: %v", files)
	}
	lines := 0
	for _, name := range append(files, path) {
		st, err := os.Stat(name)
		if err != nil || st.Size() > minFileBytes || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, st, err)
		}
		events, err := audittest.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += len(events)
	}
	if lines != sent {
		t.Errorf("%d of %d events are there", lines, sent)
	}
	for range 16 {
		send(t, s, many(400)...)
	}
	if files, _ = filepath.Glob(filepath.Join(filepath.Dir(path), "gate-*.jsonl")); len(files) != 3 {
		t.Errorf("kept: %v", files)
	}
}

func TestAFileThatIsTooOldGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.log")
	s := fileSink(t, SinkConfig{Format: "squid", File: FileConfig{Path: path, MaxAge: 48 * time.Hour}})
	now := time.Now()
	s.now = func() time.Time { return now }
	var kept []int
	for range 6 {
		send(t, s, sample(forwarded()))
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "gate-*.log"))
		kept = append(kept, len(files))
		now = now.Add(24 * time.Hour)
	}
	if want := []int{0, 1, 2, 2, 2, 2}; !slices.Equal(kept, want) {
		t.Errorf("files kept day by day: %v, want %v", kept, want)
	}
}

func TestAFileThatSomebodyElseMovesIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.jsonl")
	s := fileSink(t, SinkConfig{File: FileConfig{Path: path}})
	send(t, s, many(2)...)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	send(t, s, many(3)...)
	for name, want := range map[string]int{path + ".1": 2, path: 3} {
		if got, err := audittest.Read(name); err != nil || len(got) != want {
			t.Errorf("%s: %d events, %v", name, len(got), err)
		}
	}
}

func TestATornLineIsEndedBeforeTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.jsonl")
	if err := os.WriteFile(path, blocked().JSON(testObserver)[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	send(t, fileSink(t, SinkConfig{File: FileConfig{Path: path}}), sample(blocked()))
	text, err := os.ReadFile(path)
	if _, rest, _ := bytes.Cut(text, []byte("\n")); err != nil || !bytes.Equal(rest, blocked().JSON(testObserver)) {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAFileThatCannotBeWrittenIsAnErrorUntilItCan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	s := fileSink(t, SinkConfig{File: FileConfig{Path: filepath.Join(dir, "gate.jsonl")}})
	if err := s.Send(t.Context(), many(1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	send(t, s, many(1)...)
	full := fileSink(t, SinkConfig{File: FileConfig{Path: "/dev/full"}})
	if err := full.Send(t.Context(), many(1)); err == nil || failure(err).Class != Settings {
		t.Errorf("a device: %v", err)
	}
}

// webLines renders events and splits them as a reader of the format does.
func webLines(t *testing.T, format string, events ...*Event) (lines []string) {
	t.Helper()
	for _, e := range events {
		if s := render(t, renderings[format], e); s != "" {
			lines = append(lines, s)
		}
	}
	return lines
}

func TestSquidLinesAreSquids(t *testing.T) {
	withheld, tagged := blocked(), blocked()
	withheld.For = "01936e5a-0000-7000-8000-000000000009" // its access event comes
	tagged.Verdict, tagged.Denied = "forward", false
	got := webLines(t, "squid", blocked(), forwarded(), examples["tunnel"](), tagged, withheld, shedEvent(3))
	want := []string{
		`1795287600.123      0 10.0.0.7 TCP_DENIED/000 0 GET https://graph.microsoft.com/v1.0/me CONTOSO\ada HIER_NONE/- -`,
		`1795287600.123     12 fe80::1 TCP_MISS/200 65432 POST https://graph.microsoft.com/v1.0/me - HIER_DIRECT/20.190.128.1 -`,
		`1795287600.123   1000 10.0.0.7 TCP_TUNNEL/000 4096 CONNECT example.org:443 - HIER_DIRECT/2001:db8::1 -`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAW3CFileNamesItsFieldsFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.log")
	s := fileSink(t, SinkConfig{Format: "w3c", File: FileConfig{Path: path, MaxBytes: minFileBytes}})
	send(t, s, sample(blocked()), sample(forwarded()))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 6 || lines[0] != "#Version: 1.0" {
		t.Fatalf("%s", text)
	}
	names := strings.Fields(strings.TrimPrefix(lines[3], "#Fields:"))
	values := strings.Split(lines[5], " ")
	row := map[string]string{}
	for i, name := range names {
		row[name] = values[i]
	}
	for name, want := range map[string]string{
		"date": "2026-11-21", "time": "19:00:00", "time-taken": "0.012", "c-ip": "fe80::1", "sc-status": "200", "cs-method": "POST",
		"cs-host": "graph.microsoft.com", "cs-uri-path": "/v1.0/me", "cs-uri-query": "-", "sc-bytes": "65432", "cs-bytes": "321",
		"x-tenant-target": home, "x-tenant-decision": "forward", "x-event-id": forwarded().ID,
	} {
		if row[name] != want {
			t.Errorf("%s is %q, want %q", name, row[name], want)
		}
	}
}

func FuzzNoTextEndsAFieldOfAWebLog(f *testing.F) {
	for _, s := range []string{"", "a b", "a\nb 1 2 3", "\x00\x1b[2J", "\"", "%", "+", "é\u2028", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := blocked()
		e.User, e.UserAgent, e.Path, e.Host, e.Method = s, s, s, s, s
		for format, fields := range map[string]int{"squid": 10, "w3c": len(strings.Fields(w3cFields))} {
			text := render(t, renderings[format], e)
			if n := len(strings.Fields(text)); n != fields || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s has %d fields, want %d: %q", format, n, fields, text)
			}
		}
	})
}

func TestStandardOutputThatNobodyReadsHoldsUpNoAttemptForEver(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &Stdout{name: "o", render: native, turn: make(chan struct{}, 1), out: write}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make([]byte, 1)
	go func() { // as soon as something was written, patience ends
		_, _ = io.ReadFull(read, first)
		cancel()
	}()
	for range 2 { // the second waits for the first
		if err := s.Send(ctx, many(1000)); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
	got := make(chan int)
	go func() {
		n := 0
		_, err := Lines(io.MultiReader(bytes.NewReader(first), read), func([]byte) error { n++; return nil })
		if err != nil {
			t.Error(err)
		}
		got <- n
	}()
	send(t, s, many(7)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := <-got; n != 1007 {
		t.Errorf("%d lines came", n)
	}
	read.Close()
}

func TestEveryFormatGoesToAFile(t *testing.T) {
	for _, format := range textFormats {
		path := filepath.Join(t.TempDir(), "out")
		send(t, fileSink(t, SinkConfig{Format: format, File: FileConfig{Path: path}}), sample(blocked()), sample(hostileEvent()))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%s: %d lines\n%s", format, n, text)
		}
	}
}
