package audit

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// A sinkLog says in the program's log when a sink begins to fail and when it
// takes events again: once for each change, not for each attempt.
type sinkLog struct {
	log  *slog.Logger // nil: nothing is said
	name string
	said bool      // that it fails
	last Class     // what was said
	once bool      // it has failed once since something was taken
	from time.Time // when it began
}

func newSinkLog(l *slog.Logger, c SinkConfig, k Kind) *sinkLog {
	if l != nil {
		l = l.With("sink", c.Name, "type", c.Type, "kind", k.String())
	}
	return &sinkLog{log: l, name: c.Name}
}

// hints are what somebody can do, by class of failure.
var hints = [...]string{
	Retry:    "it is tried again; events wait in the spool: is the receiver up and reachable?",
	Settings: "something must be changed, here or at the receiver: tenantgate sinks test NAME shows what it says",
	Poison:   "the events that it will not have are in its dead-letter file; tenantgate spool replay --dead NAME sends them again",
	TooMuch:  "the receiver takes less at once: lower batch.bytes",
}

// failed says that an attempt failed, if that is news. A failure that the next
// attempt may heal is news when that one has failed as well.
func (s *sinkLog) failed(f *Failure) {
	if s.log == nil {
		return
	}
	if !s.once {
		s.once, s.from = true, time.Now()
		if f.Class == Retry || f.Class == TooMuch {
			return
		}
	}
	if s.said && s.last == f.Class {
		return
	}
	s.said, s.last = true, f.Class
	level := slog.LevelWarn
	if f.Class == Settings {
		level = slog.LevelError
	}
	s.log.Log(context.Background(), level, "sink fails", "class", f.Class.String(), "err", f.Err, "hint", strings.ReplaceAll(hints[f.Class], "NAME", s.name))
}

// succeeded says that it takes events again, where it was said that it does not.
func (s *sinkLog) succeeded() {
	if s.said {
		s.log.Info("sink takes events again", "after", time.Since(s.from).Round(time.Second))
	}
	s.said, s.once = false, false
}
