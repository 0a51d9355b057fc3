package tokens

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// counted counts how often an origin is asked.
type counted struct {
	io.Reader
	asked int
}

func (c *counted) Read(p []byte) (int, error) {
	c.asked++
	return c.Reader.Read(p)
}

// What came is passed on before the origin is asked for more.
func TestAnOriginIsAskedOnceForEachPieceOfAPage(t *testing.T) {
	origin := &counted{Reader: iotest.OneByteReader(strings.NewReader("<html>"))}
	a := answerCase{method: "GET", target: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"}
	resp := &http.Response{StatusCode: 200, Body: io.NopCloser(origin), ContentLength: -1, Header: http.Header{"Content-Type": {"text/html"}}}
	a.look(t, finder(t), resp)
	for asked := 1; asked <= 6; asked++ {
		if n, err := resp.Body.Read(make([]byte, 64)); n != 1 || err != nil || origin.asked != asked {
			t.Errorf("%d octets, %v, asked %d times, want %d", n, err, origin.asked, asked)
		}
	}
	if n, err := resp.Body.Read(make([]byte, 64)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%d octets at the end, %v", n, err)
	}
}

// An origin that fails is not asked again: what came then would look whole.
func TestAnAnswerThatBrokeStaysBroken(t *testing.T) {
	for _, status := range []int{200, 400} {
		for _, text := range []string{`{"access_token":"x"}`, ""} {
			a := answerCase{method: "POST", target: "https://login.microsoftonline.com/common/oauth2/v2.0/token"}
			body := iotest.TimeoutReader(io.MultiReader(strings.NewReader(text+" "), strings.NewReader("")))
			resp := &http.Response{StatusCode: status, Body: io.NopCloser(body), ContentLength: -1, Header: http.Header{"Content-Type": {"application/json"}}}
			look := a.look(t, finder(t), resp)
			if list, err := look.Issued(); len(list) > 0 || (err != nil) != (status == 200) {
				t.Errorf("%d: %v, %v", status, list, err)
			}
			for range 2 {
				if got, err := io.ReadAll(resp.Body); !errors.Is(err, iotest.ErrTimeout) || len(got) > len(text)+1 {
					t.Errorf("%d: %q passed on, %v", status, got, err)
				}
			}
			if !errors.Is(look.Broken(), iotest.ErrTimeout) {
				t.Errorf("%d: broken: %v", status, look.Broken())
			}
		}
	}
}
