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
// content encoding is undone, where bodies does not say otherwise.
const maxBody = 1 << 20

// bodyType is how a body of one content type is read.
type bodyType struct {
	limit   int64
	post    bool // only where it is posted; what is put or patched is content
	content bool // past limit, without being a batch, it is content too and streams past
	read    func(*search, []byte, map[string]string) error
}

// bodies are the content types that can carry a credential. A body of any
// other type streams past. Four MiB is as much as Graph, Resource Manager and
// Storage take of a batch.
var bodies = map[string]bodyType{
	"application/x-www-form-urlencoded": {limit: maxBody, read: formBody},
	"multipart/form-data":               {limit: maxBody, content: true, read: multipartForm},
	"multipart/mixed":                   {limit: 4 << 20, content: true, read: mixedBatch},
	"application/json":                  {limit: 4 << 20, post: true, content: true, read: jsonBody},
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
		b := bodies[kind]
		if b.post && r.Method != http.MethodPost {
			return
		}
		err := s.inspect(b, parameters)
		if errors.Is(err, ErrTooLarge) && b.content && !isBatch(r.URL) {
			return
		}
		if err != nil {
			s.fail(fmt.Errorf("%s: %w", kind, err))
		}
		return
	}
}

// contentType tells whether a Content-Type is one of bodies. Parameters that
// cannot be read do not make it another type to a lenient origin.
func contentType(line string) (kind string, parameters map[string]string, ok bool) {
	if line = strings.TrimSpace(line); line == "" || line[0]|0x20 != 'a' && line[0]|0x20 != 'm' {
		return "", nil, false
	}
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

func (s *search) inspect(b bodyType, parameters map[string]string) error {
	if !asASCII(parameters["charset"]) {
		// UTF-16, UTF-7 and EBCDIC spell names so that no rule finds them.
		return fmt.Errorf("charset: %w", ErrUninspectable)
	}
	if s.request.ContentLength > b.limit {
		return ErrTooLarge
	}
	raw, err := buffer(s.request, b.limit)
	if err != nil {
		return err
	}
	plain, err := decode(raw, s.request.Header["Content-Encoding"], b.limit)
	if err != nil {
		return err
	}
	return b.read(s, plain, parameters)
}

// buffer reads the body and puts a replay of it in its place, with the rest
// still to come where there is more than is inspected.
func buffer(r *http.Request, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	rest := io.Reader(r.Body)
	if err != nil {
		rest = broken{err}
	}
	r.Body = &replay{Reader: io.MultiReader(bytes.NewReader(raw), rest), Closer: r.Body}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read it: %w", ErrUninspectable), err)
	}
	if int64(len(raw)) > limit {
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
