package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/setting"
)

// FileConfig is what only a file knows.
type FileConfig struct {
	Path     string        `yaml:"path"`
	MaxBytes int64         `yaml:"max_bytes"` // after which another is begun; 0 is 100 MiB
	Keep     int           `yaml:"keep"`      // how many before it are kept; 0 is 10
	MaxAge   time.Duration `yaml:"max_age"`   // of a file that is kept; 0: no bound
}

// A File writes events to a file in any rendering, for an agent that reads
// files, and begins another before it is too large. A batch counts as taken when
// it survives a power loss.
type File struct {
	name   string
	cfg    FileConfig
	render rendering
	header func(time.Time) []byte // at the beginning of a file; nil: none
	now    func() time.Time

	mu   sync.Mutex
	f    *os.File // nil before the first Send
	size int64
	last time.Time // when it was last written to
}

const (
	defaultFileBytes = 100 << 20
	defaultFileKeep  = 10
	minFileBytes     = 1 << 20
)

func newFile(c SinkConfig) (Sink, error) {
	render, err := renderingOf(c.Format, textFormats...)
	bad := []error{err}
	if !filepath.IsAbs(c.File.Path) {
		bad = append(bad, setting.Errorf("file.path", "write a path that begins with /", "%q is not one", c.File.Path))
	}
	if n := c.File.MaxBytes; n < 0 || n > 0 && n < minFileBytes {
		bad = append(bad, setting.Errorf("file.max_bytes", fmt.Sprintf("write at least %d", minFileBytes), "%d is too little", n))
	}
	if c.File.Keep < 0 {
		bad = append(bad, setting.Errorf("file.keep", "leave it out for 10", "is negative"))
	}
	if age := c.File.MaxAge; age < 0 || age > 0 && age < time.Hour {
		bad = append(bad, setting.Errorf("file.max_age", "write at least 1h", "%v is too short", age))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	s := &File{name: c.Name, cfg: c.File, render: render, header: headerOf(c.Format), now: time.Now}
	s.cfg.MaxBytes = cmp.Or(s.cfg.MaxBytes, defaultFileBytes)
	s.cfg.Keep = cmp.Or(s.cfg.Keep, defaultFileKeep)
	return s, nil
}

var _ Sink = (*File)(nil)

// Name implements Sink.
func (s *File) Name() string { return s.name }

// Send implements Sink.
func (s *File) Send(_ context.Context, batch []Line) error {
	text, err := renderLines(nil, batch, s.render)
	if err != nil || len(text) == 0 {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(int64(len(text))); err != nil {
		return err
	}
	n, err := s.f.Write(text)
	if err != nil {
		return errors.Join(fmt.Errorf("write: %w", err), cut(s.f, int64(n)), s.close())
	}
	s.size, s.last = s.size+int64(n), s.now()
	return syncFile(s.f)
}

// ready has the file open that n more bytes go to.
func (s *File) ready(n int64) error {
	if s.f != nil && s.moved() {
		if err := s.close(); err != nil {
			return err
		}
	}
	if s.f == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	if s.size == 0 || s.size+n <= s.cfg.MaxBytes && !s.ended() {
		return nil
	}
	if err := errors.Join(s.close(), os.Rename(s.cfg.Path, s.aside())); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	if err := s.open(); err != nil {
		return err
	}
	return s.tidy()
}

// ended reports whether the file is to end with the day it was written on: what
// has an age to be removed at must not go on for ever.
func (s *File) ended() bool {
	return s.cfg.MaxAge > 0 && s.last.UTC().Format(time.DateOnly) != s.now().UTC().Format(time.DateOnly)
}

// open opens the file at its end. A part of a line that a crash left is ended:
// the event in it comes again.
func (s *File) open() error {
	f, err := os.OpenFile(s.cfg.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &Failure{Class: Settings, Index: -1, Err: fmt.Errorf("%s is not a file that can be rotated", s.cfg.Path)}
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	var first []byte
	switch {
	case st.Size() == 0 && s.header != nil:
		first = s.header(s.now())
	case !endsInNewline(f, st.Size()):
		first = []byte{'\n'}
	}
	n, err := f.Write(first)
	if err != nil {
		return errors.Join(err, cut(f, int64(n)), f.Close())
	}
	s.f, s.size, s.last = f, st.Size()+int64(n), st.ModTime()
	return nil
}

// moved reports whether the name leads elsewhere: somebody else rotated.
func (s *File) moved() bool {
	here, err1 := s.f.Stat()
	there, err2 := os.Stat(s.cfg.Path)
	return err1 != nil || err2 != nil || !os.SameFile(here, there)
}

// asideTime is when a file was set aside, in its name. Names sort by it.
const asideTime = "20060102T150405.000000Z"

// aside is the name of a file that is full: events.jsonl becomes
// events-20261121T200000.000000Z.jsonl.
func (s *File) aside() string {
	stem, ext := s.stem()
	return stem + s.now().UTC().Format(asideTime) + ext
}

func (s *File) stem() (stem, ext string) {
	ext = filepath.Ext(s.cfg.Path)
	return strings.TrimSuffix(s.cfg.Path, ext) + "-", ext
}

// tidy removes the files beyond those that are kept.
func (s *File) tidy() error {
	stem, ext := s.stem()
	entries, err := os.ReadDir(filepath.Dir(s.cfg.Path))
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	var old []time.Time // oldest first, as the names sort
	for _, e := range entries {
		text, ok1 := strings.CutPrefix(e.Name(), filepath.Base(stem))
		text, ok2 := strings.CutSuffix(text, ext)
		if at, err := time.Parse(asideTime, text); ok1 && ok2 && err == nil {
			old = append(old, at)
		}
	}
	var bad []error
	for i, at := range old {
		if len(old)-i > s.cfg.Keep || s.cfg.MaxAge > 0 && s.now().Sub(at) > s.cfg.MaxAge {
			bad = append(bad, os.Remove(stem+at.Format(asideTime)+ext))
		}
	}
	if err := errors.Join(bad...); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	return nil
}

func (s *File) close() error {
	f := s.f
	s.f = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// Close closes the file.
func (s *File) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.close()
}

// ownFiles reports a file that two would rotate.
func (c Config) ownFiles() error {
	taken := map[string]bool{filepath.Clean(c.File): true}
	for i, s := range c.Sinks {
		path := filepath.Clean(s.File.Path)
		if s.File.Path == "" {
			continue
		}
		if taken[path] {
			return setting.Errorf(fmt.Sprintf("sinks[%d].file.path", i), "each sink has a file of its own, and events.file is none of them", "%s is taken already", path)
		}
		taken[path] = true
	}
	return nil
}
