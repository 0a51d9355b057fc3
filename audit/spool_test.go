package audit

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

func TestASinkGetsEveryEventInOrder(t *testing.T) {
	r := newReceiver(t)
	l := open(t, r.to(), t.TempDir())
	tenant, access := recordMany(t, l, 50)
	r.await(t, append(slices.Clone(tenant), access...))
	var gotTenant, gotAccess []string
	for _, id := range r.ids() {
		if slices.Contains(tenant, id) {
			gotTenant = append(gotTenant, id)
		} else {
			gotAccess = append(gotAccess, id)
		}
	}
	if diff := cmp.Diff(tenant, gotTenant) + cmp.Diff(access, gotAccess); diff != "" {
		t.Errorf("sent (-) and received (+):\n%s", diff)
	}
}

func TestASinkGetsOnlyTheKindsItWants(t *testing.T) {
	r := newReceiver(t)
	l := open(t, r.to(SinkConfig{Name: "siem", Kinds: []string{"tenant"}}), t.TempDir())
	tenant, _ := recordMany(t, l, 5)
	r.await(t, tenant)
	if n := r.actions()["request-forwarded"]; n != 0 {
		t.Errorf("%d access events were sent", n)
	}
}

func TestWhatASinkDidNotTakeGoesAfterARestart(t *testing.T) {
	r, dir := newReceiver(t), t.TempDir()
	r.answer = func(int, []audittest.Line) (int, http.Header) { return http.StatusServiceUnavailable, nil }
	l, err := Open(r.to(), dir, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	tenant, access := recordMany(t, l, 20)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	open(t, r.to(), dir)
	r.await(t, append(tenant, access...))
}

func TestWhatASinkTookDoesNotGoAgainAfterARestart(t *testing.T) {
	r, dir := newReceiver(t), t.TempDir()
	for range 3 {
		l, err := Open(r.to(), dir, testObserver)
		if err != nil {
			t.Fatal(err)
		}
		recordMany(t, l, 5)
		if err := l.Close(); err != nil { // sends what is left
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"request-blocked": 15, "request-forwarded": 15}, r.actions()); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventWhoseAcknowledgementIsLostGoesAgain(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(n int, _ []audittest.Line) (int, http.Header) {
		if n == 1 {
			return 0, nil
		}
		return http.StatusOK, nil
	}
	cfg := r.to(SinkConfig{Name: "siem", Kinds: []string{"tenant"}})
	l := open(t, cfg, t.TempDir())
	tenant, _ := recordMany(t, l, 1)
	for r.actions()["request-blocked"] < 2 {
		select {
		case <-r.changed:
		case <-t.Context().Done():
			t.Fatal("it came once")
		}
	}
	if diff := cmp.Diff(tenant, r.ids()); diff != "" {
		t.Errorf("the copy has another id:\n%s", diff)
	}
}

// spooled makes a spool of n tenant events that no sink has taken, and returns
// its directory, the ids, and the file that holds them.
func spooled(t *testing.T, r *receiver, n int) (dir string, ids []string, segment string) {
	t.Helper()
	dir = t.TempDir()
	r.mu.Lock()
	r.answer = func(int, []audittest.Line) (int, http.Header) { return http.StatusServiceUnavailable, nil }
	r.mu.Unlock()
	l, err := Open(r.to(), dir, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		e := blocked()
		e.ID = NewID()
		keep(t, l, e)
		ids = append(ids, e.ID)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	all, err := filepath.Glob(filepath.Join(dir, "spool", "tenant", "*.seg"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return dir, ids, all[0]
}

func TestOneDamagedRecordCostsOneEventAndIsAnnounced(t *testing.T) {
	const n = 5
	for name, damage := range map[string]func(frames []byte, second int){
		"a bit of the line":    func(b []byte, at int) { b[at+frameHeader+40] ^= 4 },
		"a bit of the length":  func(b []byte, at int) { b[at] ^= 1 },
		"the format":           func(b []byte, at int) { b[at+3] = 9 },
		"a bit of the number":  func(b []byte, at int) { b[at+8] ^= 1 },
		"the sum":              func(b []byte, at int) { b[at+5]++ },
		"the line is zeros":    func(b []byte, at int) { clear(b[at+frameHeader : at+frameHeader+500]) },
		"the header is zeros":  func(b []byte, at int) { clear(b[at : at+frameHeader]) },
		"a newline in the sum": func(b []byte, at int) { b[at+4] = '\n' },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			dir, ids, segment := spooled(t, r, n)
			frames, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			first, _ := parseFrame(frames)
			damage(frames, first.size())
			if err := os.WriteFile(segment, frames, 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, r.to(), dir)
			r.await(t, append(slices.Clone(ids[:1]), ids[2:]...))
			for r.actions()["spool-damaged"] == 0 {
				select {
				case <-r.changed:
				case <-t.Context().Done():
					t.Fatal("the damage is not announced")
				}
			}
			if slices.Contains(r.ids(), ids[1]) {
				t.Error("a damaged event was sent")
			}
			if s := l.Stats().Sinks[0]; s.Damaged != 1 {
				t.Errorf("Damaged = %d", s.Damaged)
			}
			aside, _ := filepath.Glob(filepath.Join(dir, "spool", "tenant", "damaged-*"))
			if len(aside) != 1 {
				t.Errorf("set aside: %v", aside)
			}
		})
	}
}

func TestATornEndOfTheSpoolIsSetAside(t *testing.T) {
	whole := appendFrame(nil, 99, line(blocked()))
	for name, tail := range map[string][]byte{
		"half a header": whole[:7],
		"half a line":   whole[:len(whole)/2],
		"zeros":         make([]byte, 5000),
		"rubbish":       []byte(strings.Repeat("rubbish\n", 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			dir, ids, segment := spooled(t, r, 3)
			appendTo(t, segment, tail)
			l := open(t, r.to(), dir)
			e := blocked()
			e.ID = NewID()
			keep(t, l, e)
			r.await(t, append(ids, e.ID))
			aside, err := os.ReadFile(l.Damaged())
			if err != nil || !bytes.Equal(aside, tail) {
				t.Errorf("set aside %d bytes, %v, want %d", len(aside), err, len(tail))
			}
			if e.Seq != 5 { // after the announcement
				t.Errorf("the next event has number %d", e.Seq)
			}
		})
	}
}

// A crash between the making of a segment and its first frame leaves it empty.
func TestAnEmptySegmentIsNotTheEnd(t *testing.T) {
	r := newReceiver(t)
	dir, ids, segment := spooled(t, r, 3)
	empty := filepath.Join(filepath.Dir(segment), fmt.Sprintf("%020d.seg", 4))
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, r.to(), dir)
	e := blocked()
	e.ID = NewID()
	keep(t, l, e)
	if e.Seq != 4 {
		t.Errorf("the next event has number %d", e.Seq)
	}
	r.await(t, append(ids, e.ID))
}

func appendTo(t *testing.T, path string, tail []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(tail); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A crash between the write to the spool and that to the file leaves the file
// behind: no number may be missing there.
func TestTheFileGetsWhatOnlyTheSpoolHas(t *testing.T) {
	r := newReceiver(t)
	dir, ids, _ := spooled(t, r, 6)
	path := filepath.Join(dir, "events.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if err := os.WriteFile(path, bytes.Join(lines[:4], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, r.to(), dir)
	keep(t, l, blocked())
	for i, one := range read(t, path) {
		if one.Tenantgate.Seq != uint64(i+1) {
			t.Errorf("line %d has number %d", i+1, one.Tenantgate.Seq)
		}
		if i < len(ids) && one.Event.ID != ids[i] {
			t.Errorf("line %d is another event", i+1)
		}
	}
}

func TestAFullSpoolGivesUpAccessEventsFirstAndSaysSo(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(int, []audittest.Line) (int, http.Header) { return http.StatusServiceUnavailable, nil }
	cfg := r.to()
	cfg.Spool.MaxBytes = minSpoolBytes
	dir := t.TempDir()
	l := open(t, cfg, dir)
	var tenant []string
	for len(tenant) < 400 { // less than half of the spool
		e := blocked()
		e.ID = NewID()
		keep(t, l, e)
		tenant = append(tenant, e.ID)
		for range 10 {
			keep(t, l, forwarded())
		}
	}
	waitFor(t, func() bool {
		return l.spool.streams[Tenant].bytes()+l.spool.streams[Access].bytes() <= minSpoolBytes && l.Stats().Pending == 0
	})
	var dropped [2]uint64
	for _, s := range l.Stats().Sinks {
		dropped[slices.Index([]string{"tenant", "access"}, s.Kind)] += s.Dropped
	}
	if dropped[Tenant] != 0 || dropped[Access] == 0 {
		t.Errorf("dropped %d tenant and %d access events", dropped[Tenant], dropped[Access])
	}
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	r.await(t, tenant)
	if n := r.actions()["spool-overrun"]; n == 0 {
		t.Error("it is not announced")
	}
}

// waitFor polls a condition that nothing announces.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it did not come to pass")
		}
	}
}

func TestASegmentThatIsTooOldGoes(t *testing.T) {
	r := newReceiver(t)
	dir, _, segment := spooled(t, r, 3)
	next := filepath.Join(filepath.Dir(segment), fmt.Sprintf("%020d.seg", 4))
	if err := os.WriteFile(next, appendFrame(nil, 4, line(blocked())), 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-8 * 24 * time.Hour)
	if err := os.Chtimes(segment, long, long); err != nil {
		t.Fatal(err)
	}
	l := open(t, r.to(), dir)
	waitFor(t, func() bool { _, err := os.Stat(segment); return err != nil })
	waitFor(t, func() bool { return l.Stats().Sinks[0].Sent+l.Stats().Sinks[0].Dropped >= 4 })
}

func TestASpoolThatIsRemovedUnderItsWriterIsMadeAgain(t *testing.T) {
	r, dir := newReceiver(t), t.TempDir()
	l := open(t, r.to(), dir)
	tenant, _ := recordMany(t, l, 3)
	r.await(t, tenant)
	if err := os.RemoveAll(filepath.Join(dir, "spool", "tenant")); err != nil {
		t.Fatal(err)
	}
	tenant, _ = recordMany(t, l, 3)
	r.await(t, tenant)
}

func TestANewSinkBeginsWithWhatTheSpoolHolds(t *testing.T) {
	first, second, dir := newReceiver(t), newReceiver(t), t.TempDir()
	l, err := Open(first.to(), dir, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	tenant, access := recordMany(t, l, 4)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := first.to()
	cfg.Sinks = append(cfg.Sinks, second.to(SinkConfig{Name: "other"}).Sinks...)
	open(t, cfg, dir)
	second.await(t, append(tenant, access...))
}
