package audit

import (
	"errors"
	"os"
	"time"
)

// sync makes the file survive a power loss, syncEvery after something was
// written to it. It runs beside the writer, so that a slow disk delays no
// event.
func (l *Log) sync() {
	tick := time.NewTimer(syncEvery)
	tick.Stop()
	defer tick.Stop()
	for {
		select {
		case <-l.dirty:
			tick.Reset(syncEvery)
		case <-l.quit:
			return
		}
		select {
		case <-tick.C:
		case <-l.quit:
			return
		}
		l.file.check.Store(true)
		l.dir.keep(l.synced.Load())
		if l.when == "never" {
			_ = l.spool.finish() // nothing is promised of what was not synced
			continue
		}
		if err := l.persist(); err != nil && !errors.Is(err, os.ErrClosed) {
			l.failed.Store(true)
			l.mu.Lock()
			l.stats.fail(err)
			l.mu.Unlock()
		}
	}
}

// persist makes everything that was written survive a power loss.
func (l *Log) persist() error {
	if !l.spools.Load() {
		return l.file.sync()
	}
	return errors.Join(l.spool.sync(), l.file.sync())
}
