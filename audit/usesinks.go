package audit

import "errors"

// UseSinks sends events to the sinks of cfg from now on instead of those
// before. A sink that keeps its name goes on where it was; one that has gone
// loses its place. On an error in cfg the sinks stay what they are. The bounds
// of the spool, sync and full do not change.
func (l *Log) UseSinks(cfg Config) error {
	made, err := cfg.build(l.who, l.make)
	if err != nil {
		return err
	}
	l.sinks.Lock()
	defer l.sinks.Unlock()
	last, err := l.openForSinks(len(made) > 0)
	if err != nil {
		for _, s := range made {
			closeSink(s)
		}
		return err
	}
	landed := l.fleet.Load().land(0) // what is under way goes again
	for _, one := range l.spool.streams {
		one.unwatch()
	}
	return errors.Join(landed, l.launch(cfg, made, last))
}

// openForSinks begins to write to the spool, or ends it, and returns the number
// of the last event.
func (l *Log) openForSinks(wanted bool) (last uint64, err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.over {
		return 0, ErrClosed
	}
	if wanted && !l.spools.Load() {
		o, err := l.spool.open(l.seq)
		if err != nil {
			return l.seq, err
		}
		l.seq = max(l.seq, o.last)
	}
	l.spools.Store(wanted)
	return l.seq, nil
}
