package tokens

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestABodyIsReadWholeAndStillArrives(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte("0123456789"))
	w.Close()
	for _, tt := range []struct {
		name, kind, coding, body string
		unsized                  bool
		want                     string
		err                      error
	}{
		{name: "nothing", body: "", want: ""},
		{name: "as long as it may be", body: "0123456789", want: "0123456789"},
		{name: "the same, of no told length", body: "0123456789", unsized: true, want: "0123456789"},
		{name: "longer", body: "0123456789a", err: ErrTooLarge},
		{name: "longer, of no told length", body: "0123456789a", unsized: true, err: ErrTooLarge},
		{name: "packed", coding: "gzip", body: packed.String(), unsized: true, want: "0123456789"},
		{name: "packed by nobody knows what", coding: "lzma", body: "x", err: ErrUninspectable},
		{name: "nothing, in UTF-16", kind: "text/plain; charset=utf-16", body: ""},
		{name: "UTF-8", kind: "application/json; charset=UTF-8", body: "{}", want: "{}"},
		{name: "UTF8", kind: "application/json; charset=utf8", body: "{}", want: "{}"},
		{name: "ASCII", kind: "application/json; charset=us-ascii", body: "{}", want: "{}"},
		{name: "Latin-1", kind: "application/json; charset=ISO-8859-1", body: "{}", want: "{}"},
		{name: "Windows", kind: "application/json; charset=windows-1252", body: "{}", want: "{}"},
		{name: "UTF-16", kind: "application/json; charset=utf-16", body: "{}", err: ErrUninspectable},
		{name: "UTF-7", kind: "application/json; charset=utf-7", body: "{}", err: ErrUninspectable},
		{name: "a charset that cannot be read", kind: "application/json; charset=\"utf-16", body: "{}", err: ErrUninspectable},
		{name: "a type that cannot be read", kind: "application/json; x=\"", body: "{}", want: "{}"},
	} {
		limit := int64(10)
		if tt.coding == "gzip" {
			limit = int64(packed.Len())
		}
		r := &http.Request{Header: http.Header{}, Body: io.NopCloser(strings.NewReader(tt.body)), ContentLength: int64(len(tt.body))}
		if tt.unsized {
			r.ContentLength = -1
		}
		if tt.kind != "" {
			r.Header.Set("Content-Type", tt.kind)
		}
		if tt.coding != "" {
			r.Header.Set("Content-Encoding", tt.coding)
		}
		body := r.Body
		got, err := Body(r, limit)
		if r.ContentLength > limit && r.Body != body {
			t.Errorf("%s: it is read", tt.name)
		}
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
		if all, err := io.ReadAll(r.Body); string(all) != tt.body || err != nil {
			t.Errorf("%s: %q arrives, %v", tt.name, all, err)
		}
	}
	for layers, want := range map[int]error{1: nil, 2: nil, 3: ErrUninspectable} {
		text := []byte("0123456789")
		for range layers {
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			w.Write(text)
			w.Close()
			text = out.Bytes()
		}
		r := &http.Request{Header: http.Header{"Content-Encoding": {"identity" + strings.Repeat(", gzip", layers)}}, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: -1}
		if got, err := Body(r, 100); !errors.Is(err, want) || want == nil && string(got) != "0123456789" {
			t.Errorf("%d times packed: %q, %v", layers, got, err)
		}
	}
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		r := &http.Request{Header: http.Header{"Content-Type": {"application/json; charset=utf-16"}}, Body: body, ContentLength: -1}
		if got, err := Body(r, 10); got != nil || err != nil {
			t.Errorf("no body: %q, %v", got, err)
		}
	}
}
