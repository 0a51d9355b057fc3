package proxy_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// shape is one request of a data file:
//
//	METHOD URL +set +set = words
//	  Name: value
//	  > a line of the body; \r\n stands between lines
//
// A set is headers under a name:
//
//	@set
//	  Name: value
//
// What stands in braces is filled in. A body is encoded as its Content-Encoding
// says.
type shape struct {
	file         string
	method, url  string
	header       []string
	body         []string
	want         []string
	lineOfSource int
}

func readShapes(t testing.TB, name string) []*shape {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][]string{}
	var list []*shape
	var s *shape
	set := ""
	for i, line := range strings.Split(string(src), "\n") {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "@"):
			set, s = text[1:], nil
			sets[set] = nil
		case strings.HasPrefix(line, "  > "), line == "  >":
			s.body = append(s.body, strings.TrimPrefix(strings.TrimPrefix(line, "  >"), " "))
		case strings.HasPrefix(line, "  ") && s == nil:
			sets[set] = append(sets[set], text)
		case strings.HasPrefix(line, "  "):
			s.header = append(s.header, text)
		default:
			request, want, _ := strings.Cut(line, " = ")
			words := strings.Fields(request)
			s = &shape{file: name, method: words[0], url: words[1], want: strings.Fields(want), lineOfSource: i + 1}
			for _, word := range words[2:] {
				headers, ok := sets[strings.TrimPrefix(word, "+")]
				if !ok {
					t.Fatalf("%s:%d: no set %s", name, i+1, word)
				}
				s.header = append(s.header, headers...)
			}
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has no shapes", name)
	}
	return list
}

// request makes the request, and returns the body that it sends.
func (s *shape) request(t testing.TB, fill *strings.Replacer) (*http.Request, []byte) {
	t.Helper()
	header := http.Header{}
	for _, line := range s.header {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s:%d: header %q", s.file, s.lineOfSource, line)
		}
		value = strings.ReplaceAll(fill.Replace(strings.TrimSpace(value)), `\t`, "\t")
		header[http.CanonicalHeaderKey(name)] = append(header[http.CanonicalHeaderKey(name)], value)
	}
	var sent []byte
	var body io.Reader
	if s.body != nil {
		sent = packed(t, fill.Replace(strings.Join(s.body, "\r\n")), header["Content-Encoding"])
		body = bytes.NewReader(sent)
	}
	r, err := http.NewRequest(s.method, fill.Replace(s.url), body)
	if err != nil {
		t.Fatalf("%s:%d: %v", s.file, s.lineOfSource, err)
	}
	r.Header = header
	return r, sent
}

func packed(t testing.TB, text string, codings []string) []byte {
	t.Helper()
	for _, coding := range codings {
		var out bytes.Buffer
		var w io.WriteCloser
		switch coding {
		case "gzip":
			w = gzip.NewWriter(&out)
		case "deflate":
			w = zlib.NewWriter(&out)
		case "br":
			w = brotli.NewWriter(&out)
		case "zstd":
			z, err := zstd.NewWriter(&out)
			if err != nil {
				t.Fatal(err)
			}
			w = z
		default:
			t.Fatalf("no encoding %s", coding)
		}
		_, _ = io.WriteString(w, text) // a bytes.Buffer takes everything
		_ = w.Close()
		text = out.String()
	}
	return []byte(text)
}
