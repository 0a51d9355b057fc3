package tokens

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxBody is how much of a body is read to inspect it, before and after its
// content encoding is undone.
const maxBody = 1 << 20

// bodies are the content types that can carry a credential, and who reads
// them. Any other body streams past.
var bodies = map[string]func(*search, []byte, map[string]string) error{
	"application/x-www-form-urlencoded": formBody,
}

// body reads a body that is there and has a type of bodies; a request without
// one pays a comparison for it.
func body(s *search) {
	r := s.request
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	for _, line := range r.Header["Content-Type"] {
		kind, parameters, ok := contentType(line)
		if !ok {
			continue
		}
		if err := s.inspect(bodies[kind], parameters); err != nil {
			s.fail(fmt.Errorf("%s: %w", kind, err))
		}
		return
	}
}

// contentType tells whether a Content-Type is one of bodies. Parameters that
// cannot be read do not make it another type to a lenient origin.
func contentType(line string) (kind string, parameters map[string]string, ok bool) {
	kind, _, _ = strings.Cut(line, ";")
	kind, _, _ = strings.Cut(kind, ",")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if _, ok = bodies[kind]; !ok {
		return "", nil, false
	}
	_, parameters, err := mime.ParseMediaType(line)
	if err != nil && strings.Contains(strings.ToLower(line), "charset") {
		parameters = map[string]string{"charset": "unknown"}
	}
	return kind, parameters, true
}

func (s *search) inspect(read func(*search, []byte, map[string]string) error, parameters map[string]string) error {
	switch charset := strings.ToLower(parameters["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252":
	default:
		// UTF-16, UTF-7 and EBCDIC spell names so that no rule finds them.
		return fmt.Errorf("charset: %w", ErrUninspectable)
	}
	if s.request.ContentLength > maxBody {
		return ErrTooLarge
	}
	raw, err := buffer(s.request)
	if err != nil {
		return err
	}
	plain, err := decode(raw, s.request.Header["Content-Encoding"])
	if err != nil {
		return err
	}
	return read(s, plain, parameters)
}

// buffer reads the body and puts a replay of it in its place, with the rest
// still to come where there is more than is inspected.
func buffer(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	rest := io.Reader(r.Body)
	if err != nil {
		rest = broken{err}
	}
	r.Body = &replay{Reader: io.MultiReader(bytes.NewReader(raw), rest), Closer: r.Body}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read it: %w", ErrUninspectable), err)
	}
	if len(raw) > maxBody {
		return nil, ErrTooLarge
	}
	return raw, nil
}

// replay is a body that was read and is read again.
type replay struct {
	io.Reader
	io.Closer
}

// broken repeats the error with which the client's body ended.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// formBody reads the fields of a form: the grammar of a query.
func formBody(s *search, plain []byte, _ map[string]string) error {
	s.pairs(InForm, string(plain))
	return nil
}
