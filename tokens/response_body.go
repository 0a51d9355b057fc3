package tokens

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// passing is the body of an answer that shows what passes through it. It passes
// on the bytes that came, decodes a copy of them as far as somebody wants to
// look, and holds back nothing that a client could have decoded.
type passing struct {
	from    io.ReadCloser
	codings []string
	limit   int // of text
	raw     bytes.Buffer
	end     error     // with which from ended
	plain   io.Reader // from by way of raw, decoded; nil before the first look
	text    []byte    // what was decoded
	why     error     // why no more is decoded; io.EOF at the end
}

// Read implements io.Reader.
func (b *passing) Read(p []byte) (int, error) {
	for b.raw.Len() == 0 && len(b.text) < b.limit && b.more() {
	}
	if b.raw.Len() > 0 {
		return b.raw.Read(p)
	}
	if b.end != nil {
		return 0, b.end
	}
	return b.from.Read(p)
}

// Close implements io.Closer.
func (b *passing) Close() error { return b.from.Close() }

// whole returns the decoded body if it is not longer than limit.
func (b *passing) whole(limit int) ([]byte, error) {
	for len(b.text) <= limit && b.more() {
	}
	switch {
	case len(b.text) > limit || errors.Is(b.why, ErrTooLarge):
		return nil, ErrTooLarge
	case !errors.Is(b.why, io.EOF):
		return nil, fmt.Errorf("decode it: %w", ErrUninspectable)
	}
	return b.text, nil
}

// start returns the first n decoded bytes, or as many as there are.
func (b *passing) start(n int) []byte {
	for len(b.text) < n && b.more() {
	}
	return b.text
}

// more decodes some more, and reports whether there may be more still.
func (b *passing) more() bool {
	if b.why != nil {
		return false
	}
	if b.plain == nil {
		if b.plain, b.why = decoder(tee{b}, b.codings); b.why != nil {
			return false
		}
	}
	b.text = append(b.text, make([]byte, 4<<10)...)
	tail := b.text[len(b.text)-4<<10:]
	n, err := b.plain.Read(tail)
	b.text, b.why = b.text[:len(b.text)-len(tail)+n], err
	return err == nil
}

// broken returns the error with which the origin ended the body early.
func (b *passing) broken() error {
	if errors.Is(b.end, io.EOF) {
		return nil
	}
	return b.end
}

// tee reads from the origin what the decoder asks for, and keeps it.
type tee struct{ *passing }

// Read implements io.Reader. What decodes to nothing is kept up to a limit.
func (t tee) Read(p []byte) (int, error) {
	if t.end != nil {
		return 0, t.end
	}
	if t.raw.Len() > maxAnswer {
		return 0, ErrTooLarge
	}
	n, err := t.from.Read(p)
	t.raw.Write(p[:n])
	t.end = err
	return n, err
}
