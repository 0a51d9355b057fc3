package audit

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// drainTime bounds how long Close waits for the sinks. What is left then goes
// after the next Open.
const drainTime = 5 * time.Second

// sweepEvery is how often the spool's bounds are looked after.
const sweepEvery = time.Second

// A fleet is all shippers of a log, and what keeps the spool within its bounds.
type fleet struct {
	ships  []*shipper
	sinks  []Sink
	dead   []*graveyard
	cancel context.CancelFunc
	drain  chan struct{}
	done   sync.WaitGroup
}

// launch starts a shipper for each sink and kind. Last is the log's last
// sequence number.
func (l *Log) launch(cfg Config, sinks []Sink, last uint64) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	fl := &fleet{sinks: sinks, cancel: cancel, drain: make(chan struct{})}
	l.fleet.Store(fl)
	defer func() {
		if err != nil {
			cancel()
			for _, s := range fl.ships {
				err = errors.Join(err, s.cursor.close())
			}
			l.fleet.Store(&fleet{cancel: cancel, drain: make(chan struct{})})
		}
	}()
	var names []string
	for i, sink := range sinks {
		c := cfg.Sinks[i]
		dead := &graveyard{path: filepath.Join(l.spool.dir, c.Name+".dead.jsonl")}
		fl.dead = append(fl.dead, dead)
		for _, stream := range l.spool.streams {
			if !c.takes(stream.kind) {
				continue
			}
			name := c.Name + "." + stream.kind.String() + cursorSuffix
			names = append(names, name)
			at, err := openCursor(filepath.Join(l.spool.dir, name), last)
			if err != nil {
				return err
			}
			fl.ships = append(fl.ships, l.newShipper(c, sink, stream, at, dead, fl.drain, cfg.Log))
		}
	}
	forget(l.spool.dir, names)
	if len(sinks) == 0 {
		fl.done.Go(func() { l.sweepLeftover(ctx, fl) })
		return nil
	}
	for _, s := range fl.ships {
		fl.done.Go(func() { s.run(ctx) })
	}
	fl.done.Go(func() { l.sweep(ctx, fl) })
	return nil
}

func (l *Log) newShipper(c SinkConfig, sink Sink, from *stream, at *cursor, dead *graveyard, drain chan struct{}, log *slog.Logger) *shipper {
	s := &shipper{
		sink: sink, kind: from.kind, stream: from, limits: c.limits(), cursor: at, dead: dead,
		note: l.note, log: newSinkLog(log, c, from.kind), wake: make(chan struct{}, 1), drain: drain,
		stats: SinkStats{Name: c.Name, Type: c.Type, Kind: from.kind.String(), Healthy: true},
	}
	s.reader = &reader{stream: from, after: at.acked.Load()}
	s.reader.damage = func(p place, damage []byte) {
		n := lost(damage)
		s.mu.Lock()
		s.stats.Damaged += n
		s.mu.Unlock()
		if from.report(p, damage) {
			l.note("spool-damaged", "", n)
		}
	}
	from.watch(s.wake)
	return s
}

// forget removes the cursors of sinks that are no more: one that comes back
// begins with what the spool holds then.
func forget(dir string, known []string) {
	have := map[string]bool{}
	for _, name := range known {
		have[name] = true
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), cursorSuffix) && !have[e.Name()] {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// note records an event about the log itself.
func (l *Log) note(action, sink string, count uint64) {
	e := ownEvent(action)
	e.Sink, e.Count = sink, count
	_ = l.Record(e) // it could not be written, or the log is closed: Stats tells as well
}

// sweep keeps the spool within its bounds.
func (l *Log) sweep(ctx context.Context, fl *fleet) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for l.sweepOne(time.Now(), fl) {
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-fl.drain:
			return
		}
	}
}

// sweepOne removes one segment that is beyond the bounds, and tells what was
// lost with it.
func (l *Log) sweepOne(now time.Time, fl *fleet) bool {
	v, ok := l.spool.sweep(fl.taken, now)
	if !ok {
		return false
	}
	ships := fl.of(v.stream.kind)
	at := make([]uint64, len(ships))
	for i, s := range ships {
		at[i] = s.cursor.acked.Load()
	}
	lost, err := v.remove(at)
	for i, s := range ships {
		if lost[i] == 0 {
			continue
		}
		s.mu.Lock()
		s.stats.Dropped += lost[i]
		s.mu.Unlock()
		l.note("spool-overrun", s.sink.Name(), lost[i])
	}
	return err == nil
}

// of returns the shippers of one kind.
func (fl *fleet) of(k Kind) (some []*shipper) {
	for _, s := range fl.ships {
		if s.kind == k {
			some = append(some, s)
		}
	}
	return some
}

// taken is the number up to which every sink has taken the events of a kind.
func (fl *fleet) taken(k Kind) uint64 {
	least := ^uint64(0)
	for _, s := range fl.of(k) {
		least = min(least, s.cursor.acked.Load())
	}
	return least
}

// land lets the shippers send what is left, as long as patience allows, and
// ends them.
func (fl *fleet) land(patience time.Duration) error {
	close(fl.drain)
	late := time.AfterFunc(patience, fl.cancel)
	fl.done.Wait()
	late.Stop()
	fl.cancel()
	var errs []error
	for _, s := range fl.ships {
		errs = append(errs, s.cursor.close())
	}
	for _, g := range fl.dead {
		errs = append(errs, g.close())
	}
	for _, s := range fl.sinks {
		if c, ok := s.(interface{ Close() error }); ok {
			_ = c.Close() // whatever it held was acknowledged or is still in the spool
		}
	}
	return errors.Join(errs...)
}
