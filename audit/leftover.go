package audit

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"
)

// lookForOld is how often a spool that no sink reads is looked through.
const lookForOld = time.Hour

// Leftover is how many bytes lie in the spool in dir, which is STATE/events,
// though no sink is configured that would take them.
func (c Config) Leftover(dir string) (bytes int64) {
	if len(c.Sinks) > 0 {
		return 0
	}
	s, err := InspectSpool(dir)
	if err != nil {
		return 0 // there is none
	}
	for _, one := range s.Segments {
		bytes += one.Bytes
	}
	return bytes
}

// Age is how old an event in the spool may become.
func (c SpoolConfig) Age() time.Duration { return cmp.Or(c.MaxAge, defaultSpoolAge) }

// sweepLeftover keeps the bound in age of a spool that nothing is written to:
// what sinks of earlier days did not take must not lie there for ever.
func (l *Log) sweepLeftover(ctx context.Context, fl *fleet) {
	tick := time.NewTicker(lookForOld)
	defer tick.Stop()
	for {
		l.removeOld(time.Now(), fl)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-fl.drain:
			return
		}
	}
}

// removeOld removes the segments that are too old. Where the spool was written
// to since the start, its last segment is open, and stays until the next start.
func (l *Log) removeOld(now time.Time, fl *fleet) {
	if !l.sinks.TryLock() { // they are being exchanged: whoever does that may wait for us
		return
	}
	defer l.sinks.Unlock()
	if l.spool.opened {
		for l.sweepOne(now, fl) {
		}
		return
	}
	for _, k := range []Kind{Tenant, Access} {
		dir := filepath.Join(l.spool.dir, k.String())
		segments, err := listSegments(dir)
		if err != nil {
			continue // there is none
		}
		s := stream{dir: dir}
		for _, one := range segments {
			if now.Sub(one.since) > l.spool.age {
				_ = os.Remove(s.path(one.first)) // looked at again in an hour
			}
		}
	}
}
