package audit

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestMoveLosesNothingAndKeepsTheNumbers(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(Config{}, filepath.Join(dir, "events"), Observer{})
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 4, 100
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			for range each {
				if err := l.Record(&Event{Kind: Tenant, Verdict: "block"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	second := filepath.Join(dir, "second.jsonl")
	for range 5 {
		for _, path := range []string{second, ""} {
			if err := l.Move(path); err != nil {
				t.Error(err)
			}
		}
	}
	if err := l.Move(second); err != nil {
		t.Error(err)
	}
	wait.Wait()
	if err := l.Reopen(); err != nil {
		t.Error(err)
	}
	if err := l.Record(&Event{Kind: Tenant, Verdict: "block", ID: "the-last"}); err != nil {
		t.Error(err)
	}
	if err := l.Move(filepath.Join(dir, "nowhere", "events.jsonl")); err == nil {
		t.Error("a move to nowhere succeeds")
	}
	if err := l.Record(&Event{Kind: Tenant, Verdict: "block", ID: "after-all"}); err != nil {
		t.Errorf("after a move that failed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	first, err := os.ReadFile(filepath.Join(dir, "events", "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	then, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	all := string(first) + string(then)
	if n := strings.Count(all, "\n"); n != writers*each+2 {
		t.Errorf("%d events are in the files, want %d", n, writers*each+2)
	}
	if !strings.Contains(string(then), "the-last") || !strings.Contains(string(then), "after-all") {
		t.Error("the last events are not in the last file")
	}
	seen := map[string]bool{}
	for line := range strings.Lines(all) {
		_, rest, _ := strings.Cut(line, `"seq":`)
		number, _, _ := strings.Cut(rest, ",")
		if seen[number] {
			t.Errorf("number %s is given twice", number)
		}
		seen[number] = true
	}
}

func TestReopenMeetsNoLockOfItsOwn(t *testing.T) {
	l, err := Open(Config{}, filepath.Join(t.TempDir(), "events"), Observer{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() { // as the syncer does once a second
			for {
				select {
				case <-done:
					return
				default:
					_ = l.file.sync()
				}
			}
		})
	}
	for range 300 {
		if err := l.Record(&Event{Kind: Tenant, Verdict: "block"}); err != nil {
			t.Fatalf("not recorded while reopening: %v", err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wait.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
