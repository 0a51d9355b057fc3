package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// TestSink sends one event to the sink that c describes, marked as a test, and
// returns the event's ID and what the receiver said, which may be nothing.
func TestSink(ctx context.Context, c SinkConfig, o Observer) (id, receipt string, err error) {
	s, err := newSink(c, o)
	if err != nil {
		return "", "", err
	}
	defer closeSink(s)
	e := ownEvent("sink-test")
	e.Sink, e.ID, e.Time = c.Name, NewID(), time.Now()
	if !c.takes(Tenant) {
		e.Kind = Access
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, sendTimeout))
	defer cancel()
	err = s.Send(ctx, []Line{{Kind: e.Kind, JSON: e.JSON(o)}})
	if r, ok := s.(Receipt); ok {
		receipt = r.Receipt()
	}
	return e.ID, receipt, err
}

func closeSink(s Sink) {
	if c, ok := s.(interface{ Close() error }); ok {
		_ = c.Close() // whatever it held was acknowledged, or Send said that it was not
	}
}

// A Replay sends events again that the spool still holds, or that were set
// aside. It moves no cursor, and runs beside the program that writes the spool.
type Replay struct {
	Dir      string // STATE/events
	Sink     SinkConfig
	Observer Observer
	Query    Query
	Dead     bool           // the sink's dead-letter file instead of the spool
	Progress func(Progress) // if not nil, called after each batch
}

// Progress is how far a replay is.
type Progress struct {
	Done, Total int64  // bytes
	Sent        uint64 // events
	Refused     uint64 // events that the receiver will not have
	Problem     string // why it is waiting; empty while it is not
}

// Run runs the replay. It gives up where trying again would not help.
func (r Replay) Run(ctx context.Context) (Progress, error) {
	s, err := newSink(r.Sink, r.Observer)
	if err != nil {
		return Progress{}, err
	}
	defer closeSink(s)
	w := &replaying{Replay: r, sink: s, limits: r.Sink.limits()}
	if r.Dead {
		err = w.dead(ctx)
	} else {
		err = w.spool(ctx)
	}
	return w.progress, err
}

type replaying struct {
	Replay
	sink     Sink
	limits   batchLimits
	progress Progress
}

func (w *replaying) spool(ctx context.Context) error {
	var streams []*stream
	for _, k := range []Kind{Tenant, Access} {
		one, err := readStream(filepath.Join(w.Dir, "spool"), k)
		if err != nil {
			return err
		}
		if w.Sink.takes(k) {
			streams = append(streams, one)
			w.progress.Total += one.bytes()
		}
	}
	for _, one := range streams {
		from := &reader{stream: one}
		err := w.stream(ctx, from)
		from.close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *replaying) stream(ctx context.Context, from *reader) error {
	for {
		found, err := from.read(w.limits.bytes, w.limits.count)
		if err != nil || len(found) == 0 {
			return err
		}
		var batch []Line
		for _, f := range found {
			w.progress.Done += int64(f.size())
			if _, ok := w.Query.Match(f.line); ok {
				batch = append(batch, Line{f.seq, from.stream.kind, f.line})
			}
		}
		if err := w.send(ctx, batch); err != nil {
			return err
		}
	}
}

func (w *replaying) dead(ctx context.Context) error {
	f, err := os.Open(filepath.Join(w.Dir, "spool", w.Sink.Name+".dead.jsonl"))
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil {
		w.progress.Total = st.Size()
	}
	_, err = Lines(f, func(line []byte) error {
		w.progress.Done += int64(len(line))
		var d deadLetter
		if json.Unmarshal(line, &d) != nil {
			return nil
		}
		text := append([]byte(d.Event), '\n')
		if _, ok := w.Query.Match(text); !ok {
			return nil
		}
		t, err := readTold(text)
		if err != nil {
			return nil //nolint:nilerr // it matched, so it can be read
		}
		kind := Tenant
		if t.Own.Kind == Access.String() {
			kind = Access
		}
		return w.send(ctx, []Line{{t.Own.Seq, kind, text}})
	})
	return err
}

// send sends a batch, in parts where the receiver does not take it whole.
func (w *replaying) send(ctx context.Context, batch []Line) error {
	for n := 0; len(batch) > 0; n++ {
		attempt, cancel := context.WithTimeout(ctx, w.limits.timeout)
		err := w.sink.Send(attempt, batch)
		cancel()
		if err == nil {
			w.progress.Sent += uint64(len(batch))
			w.progress.Problem = ""
			break
		}
		f := failure(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f.Class == Settings:
			return err
		case f.Class == Retry:
			if err := w.wait(ctx, f, n); err != nil {
				return err
			}
		case len(batch) == 1:
			w.progress.Refused++
			return nil
		default:
			half := len(batch) / 2
			return errors.Join(w.send(ctx, batch[:half]), w.send(ctx, batch[half:]))
		}
	}
	w.tell()
	return nil
}

func (w *replaying) wait(ctx context.Context, f *Failure, n int) error {
	d := f.wait(n)
	w.progress.Problem = fmt.Sprintf("again in %v: %v", d.Round(time.Second), f)
	w.tell()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *replaying) tell() {
	if w.Progress != nil {
		w.Progress(w.progress)
	}
}
