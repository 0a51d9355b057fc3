package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// A graveyard is the dead-letter file of one sink: the events that its
// receiver will not have, each with the reason, one JSON object a line. It is
// opened when there is something for it.
type graveyard struct {
	path string
	mu   sync.Mutex
	f    *os.File
	size int64
}

// maxGraveyard bounds a dead-letter file. When it is full, it takes the place
// of the one before.
const maxGraveyard = 64 << 20

// deadLetter is one line of the file.
type deadLetter struct {
	Time   time.Time       `json:"time"`
	Reason string          `json:"reason"`
	Event  json.RawMessage `json:"event"`
}

// bury appends the event and makes it survive a power loss: it leaves the
// spool with this.
func (g *graveyard) bury(line Line, f *Failure) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	text, err := json.Marshal(deadLetter{time.Now().UTC(), f.Error(), json.RawMessage(line.JSON)})
	if err != nil {
		return fmt.Errorf("set event aside: %w", err)
	}
	if err := g.open(); err != nil {
		return fmt.Errorf("set event aside: %w", err)
	}
	text = append(text, '\n')
	n, err := g.f.Write(text)
	g.size += int64(n)
	if err != nil {
		return fmt.Errorf("set event aside: %w", errors.Join(err, cut(g.f, int64(n))))
	}
	return syncFile(g.f)
}

func (g *graveyard) open() error {
	if g.f != nil && g.size < maxGraveyard {
		return nil
	}
	if g.f != nil {
		if err := errors.Join(g.f.Close(), os.Rename(g.path, g.path+".1")); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(g.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	g.f, g.size = f, st.Size()
	return nil
}

func (g *graveyard) close() error {
	if g.f == nil {
		return nil
	}
	return g.f.Close()
}
