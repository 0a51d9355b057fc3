package audit

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// A cursor is how far a sink has got in a stream: the sequence number of the
// last event that it took. What it holds on disk may be older than the truth,
// never newer: an event may be sent twice and is not left out.
type cursor struct {
	f     *os.File
	acked atomic.Uint64
}

// cursorSuffix ends the name of a cursor.
const cursorSuffix = ".cursor"

// openCursor opens the cursor at path. One that cannot be read, or is ahead of
// the log's last number, starts at the beginning of the spool.
func openCursor(path string, last uint64) (*cursor, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open cursor: %w", err)
	}
	c := &cursor{f: f}
	if at := readCursor(f); at <= last {
		c.acked.Store(at)
	}
	return c, nil
}

// readCursor returns what f says, and 0 where that is not a number.
func readCursor(f *os.File) uint64 {
	text := make([]byte, 32)
	n, _ := f.ReadAt(text, 0)
	number, ok := strings.CutSuffix(string(text[:n]), "\n")
	at, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || len(number) != 20 {
		return 0
	}
	return at
}

// keep notes that everything up to seq was taken. It is one write of 21 bytes:
// a killed process leaves the old number or the new.
func (c *cursor) keep(seq uint64) error {
	c.acked.Store(seq)
	_, err := c.f.WriteAt(fmt.Appendf(nil, "%020d\n", seq), 0)
	if err != nil {
		return fmt.Errorf("keep cursor: %w", err)
	}
	return nil
}

func (c *cursor) close() error { return errors.Join(syncFile(c.f), c.f.Close()) }
