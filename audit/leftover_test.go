package audit

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func leftSegments(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "spool", "*", "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What was left for a sink that is no more does not outlive the bound in age.
func TestASpoolThatNoSinkReadsIsStillSwept(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Sinks: []SinkConfig{{Name: "siem", Type: "webhook", URL: down}}}, dir)
	recordMany(t, l, 3)
	l.Close()
	if len(leftSegments(t, dir)) != 2 {
		t.Fatalf("left: %v", leftSegments(t, dir))
	}
	for _, file := range leftSegments(t, dir) {
		if err := os.Chtimes(file, time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		// Time begins in the year 2000 here: a segment of today is not old.
		l, err := Open(Config{}, dir, testObserver)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(leftSegments(t, dir)); n != 2 {
			t.Errorf("%d segments are left before their time", n)
		}
		for _, file := range leftSegments(t, dir) {
			if err := os.Chtimes(file, time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(defaultSpoolAge - time.Hour)
		synctest.Wait()
		if n := len(leftSegments(t, dir)); n != 2 {
			t.Errorf("%d segments are left an hour before their time", n)
		}
		time.Sleep(2*lookForOld + time.Minute)
		synctest.Wait()
		if left := leftSegments(t, dir); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		closeLog(t, l)
	})
	if cursors, _ := filepath.Glob(filepath.Join(dir, "spool", "*"+cursorSuffix)); len(cursors) > 0 {
		t.Errorf("cursors of nobody: %v", cursors)
	}
}

func TestALeftoverIsToldOnlyWhereNobodyWantsIt(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Sinks: []SinkConfig{{Name: "siem", Type: "webhook", URL: down}}}
	if n := (Config{}).Leftover(dir); n != 0 {
		t.Errorf("%d bytes in no spool", n)
	}
	l := open(t, cfg, dir)
	recordMany(t, l, 3)
	l.Close()
	if n := cfg.Leftover(dir); n != 0 {
		t.Errorf("%d bytes are wanted", n)
	}
	if n := (Config{}).Leftover(dir); n < 1000 {
		t.Errorf("%d bytes are left over", n)
	}
}
