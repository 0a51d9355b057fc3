package audit

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tenantgate/tenantgate/setting"
)

// A Stdout writes events to standard output, for a container whose output
// somebody collects.
//
// A pipe that nobody reads holds up a write for ever. Send does not wait for it
// longer than it may; the next waits for the one before.
type Stdout struct {
	name   string
	render rendering
	header func(time.Time) []byte // before the first line; nil: none
	turn   chan struct{}          // held by whoever writes
	out    *os.File               // nil before the first Send
}

func newStdout(c SinkConfig) (Sink, error) {
	render, err := renderingOf(c.Format, textFormats...)
	if err != nil {
		return nil, err
	}
	return &Stdout{name: c.Name, render: render, header: headerOf(c.Format), turn: make(chan struct{}, 1)}, nil
}

// headerOf is what a file of the format begins with; nil: nothing.
func headerOf(format string) func(time.Time) []byte {
	if format == "w3c" {
		return w3cHeader
	}
	return nil
}

var _ Sink = (*Stdout)(nil)

// Name implements Sink.
func (s *Stdout) Name() string { return s.name }

// Send implements Sink.
func (s *Stdout) Send(ctx context.Context, batch []Line) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("standard output is not read: %w", ctx.Err())
	}
	text, err := s.text(batch)
	if err != nil {
		<-s.turn
		return err
	}
	written := make(chan error, 1)
	go func() {
		_, err := s.out.Write(text)
		<-s.turn
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return fmt.Errorf("standard output is not read: %w", ctx.Err())
	}
}

// text is the batch as it is written, the header first where this is the first.
func (s *Stdout) text(batch []Line) ([]byte, error) {
	var b []byte
	if s.out == nil {
		var f file
		if err := f.stdout(); err != nil {
			return nil, err
		}
		s.out = f.f.Load()
		if s.header != nil {
			b = s.header(time.Now())
		}
	}
	return renderLines(b, batch, s.render)
}

// Close gives standard output back, unless a write is stuck in it.
func (s *Stdout) Close() error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	default:
		return nil
	}
	if s.out == nil {
		return nil
	}
	return s.out.Close()
}

// oneStdout reports a second stream of lines on standard output.
func (c Config) oneStdout() error {
	taken := c.File == "-"
	for i, s := range c.Sinks {
		if s.Type != "stdout" {
			continue
		}
		if taken {
			return setting.Errorf(fmt.Sprintf("sinks[%d].type", i), "events.file or one sink may have it", "standard output is taken already")
		}
		taken = true
	}
	return nil
}
