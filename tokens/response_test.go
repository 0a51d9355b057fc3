package tokens

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/tenantgate/tenantgate/hosts"
)

// Answers are testdata/answers/*.txt: blocks with a blank line between.
//
//	# title
//	POST https://login.microsoftonline.com/common/oauth2/v2.0/token
//	200 application/json
//	Name: value
//	--
//	body
//	= kind tenant account why, of a token that it issues
//	! error
//	> code, request id, correlation id, and whether a tenant restriction refused
type answerCase struct {
	title, method, target string
	status                int
	header                http.Header
	body                  string
	issued                []string
	err, outcome          string
}

var answerFiller = func() *strings.Replacer {
	info := func(t Tenant) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + marker + `","utid":"` + string(t) + `"}`))
	}
	return strings.NewReplacer(
		"{info:home}", info(home), "{info:foreign}", info(foreign), "{info:other}", info(other),
		"{unsigned:home}", base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"x","iss":"https://sts.windows.net/`+string(home)+`/","tid":"`+string(home)+`","upn":"ada@contoso.com"}`)),
		"{id:home}", string(home), "{id:foreign}", string(foreign),
	)
}()

func readAnswers(t testing.TB, name string) []answerCase {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []answerCase
	for block := range strings.SplitSeq(string(src), "\n\n") {
		lines := strings.Split(strings.Trim(filler.Replace(answerFiller.Replace(block)), "\n"), "\n")
		if len(lines) < 3 {
			continue
		}
		a := answerCase{title: strings.TrimPrefix(lines[0], "# "), header: http.Header{}}
		a.method, a.target, _ = strings.Cut(lines[1], " ")
		status, kind, _ := strings.Cut(lines[2], " ")
		if _, err := fmt.Sscan(status, &a.status); err != nil {
			t.Fatalf("%s: %v", a.title, err)
		}
		if kind != "" {
			a.header.Set("Content-Type", kind)
		}
		var inBody bool
		var text []string
		for _, line := range lines[3:] {
			switch {
			case strings.HasPrefix(line, "= "):
				a.issued = append(a.issued, line[2:])
			case strings.HasPrefix(line, "! "):
				a.err = line[2:]
			case strings.HasPrefix(line, "> "):
				a.outcome = line[2:]
			case line == "--":
				inBody = true
			case inBody:
				text = append(text, line)
			default:
				name, value, _ := strings.Cut(line, ":")
				a.header.Add(name, strings.TrimSpace(value))
			}
		}
		a.body = strings.Join(text, "\n")
		list = append(list, a)
	}
	if len(list) == 0 {
		t.Fatalf("%s has no answers", name)
	}
	return list
}

// codings are what an answer may be encoded in.
var codings = map[string]func(io.Writer) io.WriteCloser{
	"": nil,
	"zstd": func(w io.Writer) io.WriteCloser {
		z, _ := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)) // fails of no such option
		return z
	},
	"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"br":   func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"deflate": func(w io.Writer) io.WriteCloser {
		return zlib.NewWriter(w)
	},
	"Deflate": func(w io.Writer) io.WriteCloser { // without the zlib header, by habit
		f, _ := flate.NewWriter(w, 6)
		return f
	},
}

// inCoding are the bodies that were encoded already, by coding and text.
var inCoding = map[[2]string][]byte{}

func encoded(t testing.TB, coding, text string) []byte {
	t.Helper()
	if coding == "" || text == "" {
		return []byte(text)
	}
	key := [2]string{coding, text}
	if inCoding[key] == nil {
		var out bytes.Buffer
		w := codings[coding](&out)
		if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		inCoding[key] = out.Bytes()
	}
	return inCoding[key]
}

// splits are the ways in which bytes arrive.
var splits = map[string]func(io.Reader) io.Reader{
	"at once":      func(r io.Reader) io.Reader { return r },
	"byte by byte": iotest.OneByteReader,
	"with its end": iotest.DataErrReader,
}

func (a answerCase) response(t testing.TB, coding string, split func(io.Reader) io.Reader) (*http.Response, []byte) {
	t.Helper()
	h := a.header.Clone()
	sent := encoded(t, coding, a.body)
	if coding != "" && a.body != "" {
		h.Add("Content-Encoding", coding)
	}
	var body io.ReadCloser = http.NoBody
	if a.body != "" {
		body = io.NopCloser(split(bytes.NewReader(sent)))
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: body, ContentLength: int64(len(sent))}, sent
}

func (a answerCase) look(t testing.TB, f *Finder, resp *http.Response) *Answer {
	t.Helper()
	r := request(a.target)
	r.Method = a.method
	s, err := f.SignIn(hostOf(t, r), r, "10.0.0.7")
	if err != nil {
		t.Fatal(err)
	}
	answer := f.At(hostOf(t, r)).Answer(&s, resp)
	return &answer
}

// variants runs one test for each answer, encoding and split.
func variants(t *testing.T, file string, run func(t *testing.T, a answerCase, coding string, split func(io.Reader) io.Reader)) {
	for _, a := range readAnswers(t, file) {
		for coding := range codings {
			for name, split := range splits {
				if a.body == "" && (coding != "" || name != "at once") || a.header.Get("Content-Encoding") != "" && coding != "" {
					continue
				}
				t.Run(a.title+"/"+coding+"/"+name, func(t *testing.T) { run(t, a, coding, split) })
			}
		}
	}
}

func TestEveryIssuedTokenIsFoundAndTheAnswerStaysWhatItWas(t *testing.T) {
	issues := func(t *testing.T, a answerCase, coding string, split func(io.Reader) io.Reader) {
		resp, sent := a.response(t, coding, split)
		look := a.look(t, finder(t), resp)
		list, err := look.Issued()
		var got []string
		for _, token := range list {
			got = append(got, strings.TrimPrefix(describe(token), "response "))
		}
		if diff := cmp.Diff(a.issued, got); diff != "" {
			t.Errorf("issued (-want +got):\n%s", diff)
		}
		if errors.Is(err, ErrUninspectable) != (a.err == "uninspectable") || err != nil && a.err == "" {
			t.Errorf("error is %v, want %q", err, a.err)
		}
		if broken := look.Broken(); broken != nil {
			t.Errorf("broken: %v", broken)
		}
		assertNoSecret(t, list, err)
		if passed, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(passed, sent) {
			t.Errorf("%d bytes passed on, %d were sent: %v", len(passed), len(sent), err)
		}
	}
	variants(t, "testdata/answers/issued.txt", issues)
	variants(t, "testdata/answers/saml.txt", issues)
}

func TestWhatEntraSaysIsRead(t *testing.T) {
	variants(t, "testdata/answers/outcomes.txt", func(t *testing.T, a answerCase, coding string, split func(io.Reader) io.Reader) {
		resp, sent := a.response(t, coding, split)
		look := a.look(t, finder(t), resp)
		if list, err := look.Issued(); len(list) > 0 || err != nil {
			t.Errorf("issued %v, %v", list, err)
		}
		if passed, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(passed, sent) {
			t.Errorf("%d bytes passed on, %d were sent: %v", len(passed), len(sent), err)
		}
		o := look.Outcome()
		got := fmt.Sprintf("%s %s %s -", or(o.Code, "-"), or(o.RequestID, "-"), or(o.CorrelationID, "-"))
		if o.Blocked() {
			got = strings.TrimSuffix(got, "-") + "blocked"
		}
		if got != a.outcome {
			t.Errorf("got  %s\nwant %s", got, a.outcome)
		}
	})
}

func tokenAnswer(t *testing.T, f *Finder, body io.Reader, coding string) (*Answer, *http.Response) {
	t.Helper()
	a := answerCase{method: "POST", target: "https://login.microsoftonline.com/common/oauth2/v2.0/token"}
	resp := &http.Response{StatusCode: 200, Body: io.NopCloser(body), ContentLength: -1, Header: http.Header{"Content-Type": {"application/json"}}}
	if coding != "" {
		resp.Header.Set("Content-Encoding", coding)
	}
	return a.look(t, f, resp), resp
}

func TestATokenAnswerIsReadUpToALimit(t *testing.T) {
	zeros := func(n int) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write(bytes.Repeat([]byte(" "), n))
		w.Close()
		return out.Bytes()
	}
	for name, tt := range map[string]struct {
		body   []byte
		coding string
		want   error
	}{
		"plain":              {append(bytes.Repeat([]byte(" "), maxAnswer), "{}"...), "", ErrTooLarge},
		"a bomb":             {zeros(64 << 20), "gzip", ErrTooLarge},
		"decodes to nothing": {bytes.Repeat([]byte("\x00\x00\x00\xff\xff"), 1<<20), "deflate", ErrTooLarge},
		"stacked":            {zeros(1 << 10), "gzip, gzip, gzip", ErrUninspectable},
	} {
		t.Run(name, func(t *testing.T) {
			a, resp := tokenAnswer(t, finder(t), bytes.NewReader(tt.body), tt.coding)
			if list, err := a.Issued(); !errors.Is(err, tt.want) || len(list) > 0 {
				t.Errorf("issued %v, %v", list, err)
			}
			if n := len(a.body.text) + a.body.raw.Len(); n > 3*maxAnswer {
				t.Errorf("%d bytes are held", n)
			}
			if passed, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(passed, tt.body) {
				t.Errorf("%d bytes passed on of %d: %v", len(passed), len(tt.body), err)
			}
		})
	}
}

func TestAnAnswerThatIsCutOffIsBroken(t *testing.T) {
	cut := errors.New("connection reset")
	body := io.MultiReader(strings.NewReader(`{"access_token":"`+credentials["foreign"]+`"`), iotest.ErrReader(cut))
	a, resp := tokenAnswer(t, finder(t), body, "")
	if _, err := a.Issued(); err == nil {
		t.Error("it counts as read")
	}
	if !errors.Is(a.Broken(), cut) {
		t.Errorf("broken: %v", a.Broken())
	}
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, cut) {
		t.Errorf("passed on as whole: %v", err)
	}
}

// A page that is not a form on its way to an application is not waited for:
// what a client could show of it arrives while the rest has not come.
func TestAPageIsNotHeldBack(t *testing.T) {
	for coding, encoder := range codings {
		if coding != "" && coding != "gzip" {
			continue
		}
		t.Run(coding, func(t *testing.T) {
			a := answerCase{method: "GET", target: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"}
			from, to := io.Pipe()
			late := time.AfterFunc(20*time.Second, func() { to.CloseWithError(errors.New("held back")) })
			defer late.Stop()
			resp := &http.Response{StatusCode: 200, Body: from, ContentLength: -1, Header: http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {coding}}}
			var w io.Writer = to
			flush := func() {}
			if encoder != nil {
				z := gzip.NewWriter(to)
				w, flush = z, func() { _ = z.Flush() }
			}
			filler := bytes.Repeat([]byte("<p>sign in to your account</p>"), pageStart/30+1)
			go func() {
				_, _ = w.Write(filler)
				flush()
			}()
			look := a.look(t, finder(t), resp)
			if list, err := look.Issued(); len(list) > 0 || err != nil {
				t.Errorf("issued %v, %v", list, err)
			}
			got, plain := make([]byte, len(filler)), io.Reader(resp.Body)
			if encoder != nil {
				z, err := gzip.NewReader(plain)
				if err != nil {
					t.Fatal(err)
				}
				plain = z
			}
			if _, err := io.ReadFull(plain, got); err != nil || !bytes.Equal(got, filler) {
				t.Errorf("the beginning did not arrive: %v", err)
			}
			to.Close()
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, file := range []string{"testdata/answers/issued.txt", "testdata/answers/saml.txt", "testdata/answers/outcomes.txt"} {
		for _, a := range readAnswers(f, file) {
			f.Add(a.target, a.status, a.header.Get("Content-Type"), "", a.header.Get("Location"), []byte(a.body))
		}
	}
	f.Add("https://login.microsoftonline.com/common/oauth2/token", 200, "application/json", "br", "", []byte("\x0b\x02\x80{}\x03"))
	shared, err := New(Config{}, throwaway)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string, status int, kind, coding, location string, body []byte) {
		r, err := http.NewRequest("POST", "https://login.microsoftonline.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := r.URL.Parse(target); err == nil {
			r.URL = u
		}
		s, err := shared.SignIn("login.microsoftonline.com", r, "10.0.0.7")
		if err != nil {
			t.Fatal(err)
		}
		resp := &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{
			"Content-Type": {kind}, "Content-Encoding": {coding}, "Location": {location},
		}}
		a := shared.At("login.microsoftonline.com").Answer(&s, resp)
		if list, err := a.Issued(); err == nil && len(list) > 2*maxCredentials {
			t.Errorf("%d tokens", len(list))
		}
		if passed, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(passed, body) {
			t.Errorf("%q passed on of %q: %v", passed, body, err)
		}
		o := a.Outcome()
		if len(o.Code) > 10 || len(o.RequestID) > 40 {
			t.Errorf("%+v", o)
		}
	})
}

func hostOf(t testing.TB, r *http.Request) hosts.Name {
	t.Helper()
	n, err := hosts.Parse(r.URL.Hostname())
	if err != nil {
		t.Fatal(err)
	}
	return n
}
