package audit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// A script is a sink whose answers a test writes down. It notes when it was
// asked and what it took.
type script struct {
	name string
	send func(ctx context.Context, n int, batch []Line) error

	mu    sync.Mutex
	at    []time.Time
	taken []uint64
}

func (s *script) Name() string { return s.name }

func (s *script) Send(ctx context.Context, batch []Line) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	err := s.send(ctx, len(s.at), batch)
	if err == nil {
		for _, l := range batch {
			s.taken = append(s.taken, l.Seq)
		}
	}
	return err
}

// waits are the times between attempts.
func (s *script) waits() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for i := 1; i < len(s.at); i++ {
		all = append(all, s.at[i].Sub(s.at[i-1]))
	}
	return all
}

func (s *script) seqs() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// scripted opens a log whose sinks are scripts, tenant events only.
func scripted(t *testing.T, dir string, scripts ...*script) *Log {
	t.Helper()
	cfg := Config{}
	byName := map[string]*script{}
	for _, s := range scripts {
		cfg.Sinks = append(cfg.Sinks, SinkConfig{Name: s.name, Kinds: []string{"tenant"}})
		byName[s.name] = s
	}
	l, err := openLog(cfg, dir, testObserver, func(c SinkConfig, _ Observer) (Sink, error) { return byName[c.Name], nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestBackOffGrowsToAMinuteWithFullJitter(t *testing.T) {
	f := &Failure{Class: Retry}
	for n, upper := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		var least, most time.Duration = time.Hour, 0
		for range 500 {
			w := f.wait(n)
			least, most = min(least, w), max(most, w)
		}
		upper *= time.Second
		if most > upper+time.Millisecond || most < upper*8/10 || least > upper/10 {
			t.Errorf("attempt %d waits %v to %v, want 0 to %v", n, least, most, upper)
		}
	}
	if w := (&Failure{Class: Retry}).wait(1 << 30); w > longestWait+time.Millisecond {
		t.Errorf("after very many attempts: %v", w)
	}
}

func TestASinkIsAskedAgainWhenTheReceiverSaidSo(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &script{name: "a", send: func(_ context.Context, n int, _ []Line) error {
			if n < 3 {
				return &Failure{Class: Retry, After: 2 * time.Minute, Index: -1, Err: errors.New("429")}
			}
			return nil
		}}
		l := scripted(t, dir, s)
		keep(t, l, blocked())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, w := range s.waits() {
			if w < 2*time.Minute || w > 2*time.Minute+time.Second {
				t.Errorf("waited %v, was asked for 2m", w)
			}
		}
		if !slices.Equal(s.seqs(), []uint64{1}) {
			t.Errorf("taken: %v", s.seqs())
		}
		closeLog(t, l)
	})
}

func TestAnHourWithoutReceiverLosesNothingAndAsksSeldom(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		up := time.Now().Add(time.Hour)
		s := &script{name: "a", send: func(context.Context, int, []Line) error {
			if time.Now().Before(up) {
				return errors.New("connection refused")
			}
			return nil
		}}
		l := scripted(t, dir, s)
		const n = 2000
		for range n {
			keep(t, l, blocked())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := s.seqs(); len(got) != n || !slices.IsSorted(got) {
			t.Errorf("%d of %d events came", len(got), n)
		}
		if asked := len(s.waits()); asked < 60 || asked > 400 {
			t.Errorf("asked %d times in an hour", asked)
		}
		closeLog(t, l)
	})
}

func TestWhatTimeDoesNotHealIsTriedSlowly(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &script{name: "a", send: func(context.Context, int, []Line) error {
			return &Failure{Class: Settings, Index: -1, Err: errors.New("401 Unauthorized")}
		}}
		l := scripted(t, dir, s)
		keep(t, l, blocked())
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		if n := len(s.waits()); n < 60 || n > 300 {
			t.Errorf("%d attempts in five hours", n)
		}
		stats := l.Stats().Sinks[0]
		if stats.Healthy || !strings.Contains(stats.LastError, "401") || stats.OldestAge < 0 {
			t.Errorf("stats: %+v", stats)
		}
		closeLog(t, l)
	})
}

func TestAnEventThatIsNotWantedIsSetAsideAlone(t *testing.T) {
	const poison = 7
	for name, refuse := range map[string]func(i int) *Failure{
		"the receiver names it": func(i int) *Failure { return &Failure{Class: Poison, Index: i, Err: errors.New("400")} },
		"nobody names it":       func(int) *Failure { return &Failure{Class: Poison, Index: -1, Err: errors.New("400")} },
		"it is too large":       func(int) *Failure { return &Failure{Class: TooMuch, Index: -1, Err: errors.New("413")} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := &script{name: "a", send: func(_ context.Context, _ int, batch []Line) error {
					if i := slices.IndexFunc(batch, func(l Line) bool { return l.Seq == poison }); i >= 0 {
						return refuse(i)
					}
					return nil
				}}
				l := scripted(t, dir, s)
				for range 20 {
					keep(t, l, blocked())
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				want := []uint64{1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21} // 21 tells of it
				if got := s.seqs(); !slices.Equal(got, want) {
					t.Errorf("taken: %v", got)
				}
				if n := l.Stats().Sinks[0].Dead; n != 1 {
					t.Errorf("Dead = %d", n)
				}
				closeLog(t, l)
			})
			text, err := os.ReadFile(filepath.Join(dir, "spool", "a.dead.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			var letter struct {
				Reason string
				Event  audittest.Line
			}
			if err := json.Unmarshal(text, &letter); err != nil {
				t.Fatal(err)
			}
			if letter.Event.Tenantgate.Seq != poison || letter.Reason == "" {
				t.Errorf("set aside: %s", text)
			}
		})
	}
}

func TestWhereNothingIsWantedTheRestWaits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &script{name: "a", send: func(context.Context, int, []Line) error {
			return &Failure{Class: Poison, Index: 0, Err: errors.New("400 no such index")}
		}}
		l := scripted(t, dir, s)
		for range 3 * mostBuried {
			keep(t, l, blocked())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := l.Stats().Sinks[0].Dead; n != mostBuried {
			t.Errorf("%d events were set aside", n)
		}
		closeLog(t, l)
	})
}

func TestOneSinkThatHangsHoldsUpNeitherAnotherNorARequest(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		hangs := &script{name: "hangs", send: func(ctx context.Context, _ int, _ []Line) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		works := &script{name: "works", send: func(context.Context, int, []Line) error { return nil }}
		l := scripted(t, dir, hangs, works)
		start := time.Now()
		for range 5000 {
			keep(t, l, blocked())
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("recording waited %v for a sink", d)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(works.seqs()); n != 5000 {
			t.Errorf("the other sink got %d events", n)
		}
		closeLog(t, l)
	})
}

func TestEventsGoInBatches(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		s := &script{name: "a", send: func(_ context.Context, _ int, batch []Line) error {
			sizes = append(sizes, len(batch))
			return nil
		}}
		l := scripted(t, dir, s)
		for range 10 {
			keep(t, l, blocked())
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(sizes, []int{10}) {
			t.Errorf("events within a second went as %v", sizes)
		}
		for range 2500 {
			keep(t, l, blocked())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if slices.Max(sizes) > batchCount {
			t.Errorf("batches of %v", sizes)
		}
		closeLog(t, l)
	})
}

func TestCloseSendsWhatIsLeftButDoesNotWaitForever(t *testing.T) {
	for name, send := range map[string]func(ctx context.Context) error{
		"the receiver works": func(context.Context) error { return nil },
		"the receiver hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"the receiver is down": func(context.Context) error {
			return &Failure{Class: Retry, After: time.Hour, Index: -1, Err: errors.New("503")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := &script{name: "a", send: func(ctx context.Context, _ int, _ []Line) error { return send(ctx) }}
				l := scripted(t, dir, s)
				for range 10 {
					keep(t, l, blocked())
				}
				start := time.Now()
				closeLog(t, l)
				if d := time.Since(start); d > drainTime {
					t.Errorf("Close took %v", d)
				}
				if name == "the receiver works" && len(s.seqs()) != 10 {
					t.Errorf("sent: %v", s.seqs())
				}
			})
		})
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-1": 0, "soon": 0, "99999999999999999999": 0,
		"Sat, 21 Nov 2026 19:00:30 GMT": 30 * time.Second,
		"Sat, 21 Nov 2026 18:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}
