package tokens

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/tenantgate/tenantgate/hosts"
)

// The corpus is testdata/corpus/*.txt: blocks with a blank line between.
//
//	# title
//	GET https://graph.microsoft.com/v1.0/me
//	Authorization: Bearer {home}
//	-- the body follows, {gzip} and the like encode it as Content-Encoding says
//	body
//	= place kind tenant account why
//	! error
//
// Tenant and account are home, foreign, consumer or -; why is - for a
// readable credential. {name} is a value of credentials; \t is a tab, and a
// lone backslash an empty line of a body.
type shape struct {
	title   string
	request string // method and URL
	header  []string
	body    []string
	hasBody bool
	want    []string
	err     string
}

func readShapes(t testing.TB, name string) []shape {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []shape
	for block := range strings.SplitSeq(string(src), "\n\n") {
		var s shape
		lines := bufio.NewScanner(strings.NewReader(block))
		for lines.Scan() {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "# "):
				s.title = line[2:]
			case strings.HasPrefix(line, "= "):
				s.want = append(s.want, line[2:])
			case strings.HasPrefix(line, "! "):
				s.err = line[2:]
			case line == "--":
				s.hasBody = true
			case s.hasBody:
				s.body = append(s.body, strings.TrimSuffix(line, `\`))
			case s.request == "":
				s.request = line
			case line != "":
				s.header = append(s.header, line)
			}
		}
		if s.request != "" {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has no shapes", name)
	}
	return list
}

// build makes the request, and returns the body that must arrive.
func (s shape) build(t testing.TB, fill *strings.Replacer) (hosts.Name, *http.Request, []byte) {
	t.Helper()
	method, target, _ := strings.Cut(fill.Replace(s.request), " ")
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}, Body: http.NoBody}
	for _, line := range s.header {
		name, val, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.ReplaceAll(strings.TrimSpace(fill.Replace(val)), `\t`, "\t"))
	}
	body := []byte(fill.Replace(strings.Join(s.body, "\r\n")))
	if s.hasBody {
		body = encode(t, r.Header["Content-Encoding"], body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
	}
	n, err := hosts.Parse(u.Hostname())
	if err != nil {
		t.Fatal(err)
	}
	return n, r, body
}

func encode(t testing.TB, codings []string, body []byte) []byte {
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
			w, _ = zstd.NewWriter(&out)
		default:
			continue
		}
		w.Write(body)
		w.Close()
		body = out.Bytes()
	}
	return body
}

func describe(t *Token) string {
	why := "-"
	if t.Unreadable {
		why = t.Why
	}
	return fmt.Sprintf("%s %s %s %s %s", t.Place, t.Kind, nick(t.Tenant), nick(t.Account), why)
}

func nick(t Tenant) string {
	switch t {
	case home:
		return "home"
	case foreign:
		return "foreign"
	case other:
		return "other"
	case Consumer:
		return "consumer"
	case "":
		return "-"
	}
	return string(t)
}

func (s shape) check(t *testing.T, f *Finder, fill *strings.Replacer, want []string) {
	t.Helper()
	n, r, body := s.build(t, fill)
	// Twice: parsed, then remembered.
	for range 2 {
		found, err := f.Find(nil, n, r)
		var got []string
		for _, token := range found {
			got = append(got, describe(token))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("credentials (-want +got):\n%s", diff)
		}
		for name, sentinel := range map[string]error{"too many": ErrTooMany, "too large": ErrTooLarge, "uninspectable": ErrUninspectable} {
			if errors.Is(err, sentinel) != (s.err == name) {
				t.Errorf("error is %v, want %q", err, s.err)
			}
		}
		if err != nil && s.err == "" {
			t.Errorf("error is %v, want none", err)
		}
		replayed, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(replayed, body) {
			t.Errorf("the body does not arrive as it was sent: %q, %v", replayed, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		assertNoSecret(t, found, err)
	}
}

func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for _, s := range readShapes(t, file) {
				t.Run(s.title, func(t *testing.T) { s.check(t, finder(t), filler, s.want) })
			}
		})
	}
}

// Every carrier of testdata/carriers.txt yields the same of the same token. A
// carrier's = line names its place and what it makes of a token with no
// structure: opaque, session or none.
func TestEveryCarrierReadsEveryToken(t *testing.T) {
	variants := []struct{ name, token, want string }{
		{"home", "home", "jwt home home -"},
		{"foreign", "foreign", "jwt foreign foreign -"},
		{"consumer", "consumer", "jwt consumer consumer -"},
		{"guest here", "guestin", "jwt home foreign -"},
		{"guest there", "guestout", "jwt foreign home -"},
		{"opaque", "opaque", "opaque - - " + whyOpaque},
		{"ticket", "ticket", "opaque consumer consumer -"},
		{"malformed", "malformed", "jwt - - " + whyMalformed},
		{"repeated claim", "repeated", "jwt - - " + whyRepeated},
		{"encrypted", "encrypted", "jwe - - " + whyEncrypted},
	}
	for _, s := range readShapes(t, "testdata/carriers.txt") {
		place, opaque, _ := strings.Cut(s.want[0], " ")
		for _, v := range variants {
			t.Run(s.title+"/"+v.name, func(t *testing.T) {
				fill := strings.NewReplacer("{token}", credentials[v.token])
				want := []string{place + " " + v.want}
				shapeless := v.token == "opaque" || v.token == "ticket"
				sealed := v.token == "malformed" || v.token == "encrypted"
				switch {
				case shapeless && opaque == "none", shapeless && opaque == "cookie":
					want = nil
				case sealed && opaque == "cookie":
					want = []string{place + " session - - -"}
				}
				s.check(t, finder(t), fill, want)
			})
		}
	}
}
