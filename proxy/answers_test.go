package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// C11: an origin that does not keep to HTTP cannot slip an answer, or a part
// of one, under another request.
func TestAnAnswerBelongsToItsRequest(t *testing.T) {
	for _, c := range readAnswers(t) {
		t.Run(c.title, func(t *testing.T) {
			r := newRig(t, at(scripted(t, func(conn net.Conn) { c.speak(conn) }, "http/1.1")))
			attacked, other := r.tls(restricted, "http/1.1"), r.tls(restricted, "http/1.1")
			if !c.seen(t, attacked) {
				attacked = r.tls(restricted, "http/1.1") // it was closed, as it had to be
			}
			for path, conn := range map[string]net.Conn{"/next": attacked, "/other": other} {
				send(t, conn, "GET "+path+" HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
				if resp := answer(t, conn, "GET"); resp.StatusCode != http.StatusOK || body(t, resp) != path {
					t.Errorf("GET %s: %s", path, resp.Status)
				}
			}
		})
	}
}

// hostileAnswer is one section of the file.
type hostileAnswer struct{ title, want, raw string }

func readAnswers(t *testing.T) (list []hostileAnswer) {
	t.Helper()
	for section := range strings.SplitSeq(string(must(os.ReadFile("testdata/answers/answers.txt"))(t)), "-- ") {
		if section == "" {
			continue
		}
		title, rest, _ := strings.Cut(section, "\n")
		want, raw, _ := strings.Cut(rest, "\n")
		list = append(list, hostileAnswer{title, want, unescape(t, strings.ReplaceAll(raw, "\n", ""))})
	}
	return list
}

// unescape resolves Go's escapes and {{repeat N text}}.
func unescape(t *testing.T, s string) string {
	t.Helper()
	before, rest, repeated := strings.Cut(s, "{{repeat ")
	if repeated {
		times, rest, _ := strings.Cut(rest, " ")
		text, after, _ := strings.Cut(rest, "}}")
		s = before + strings.Repeat(text, must(strconv.Atoi(times))(t)) + after
	}
	return must(strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`))(t)
}

// speak is the origin. Whatever it said to /attack, it goes on listening.
func (c hostileAnswer) speak(conn net.Conn) {
	rd := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(rd)
		if err != nil {
			return
		}
		if req.URL.Path != "/attack" {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(req.URL.Path))+"\r\n\r\n"+req.URL.Path)
			continue
		}
		_, _ = io.WriteString(conn, c.raw)
		if c.want == "cut" || !strings.Contains(c.raw, "\n") {
			return // else there is nothing to see before the wait for more is over
		}
	}
}

// seen compares what the client sees of the attack, and tells whether its
// connection may go on.
func (c hostileAnswer) seen(t *testing.T, conn net.Conn) (open bool) {
	t.Helper()
	send(t, conn, "GET /attack HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
	rd := bufio.NewReader(conn)
	resp, err := http.ReadResponse(rd, &http.Request{Method: "GET"})
	for err == nil && resp.StatusCode < 200 {
		resp, err = http.ReadResponse(rd, &http.Request{Method: "GET"})
	}
	if err != nil {
		if c.want != "cut" {
			t.Fatalf("no answer: %v", err)
		}
		return false
	}
	b, err := io.ReadAll(resp.Body)
	if strings.Contains(string(b), "SPLIT") || strings.Contains(resp.Header.Get("Set-Cookie"), "SPLIT") {
		t.Errorf("%s %q", resp.Status, b)
	}
	status, text, _ := strings.Cut(c.want, " ")
	switch {
	case c.want == "cut":
		if err == nil && resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s %q looks whole", resp.Status, b)
		}
	case strconv.Itoa(resp.StatusCode) != status, err != nil, text != "" && string(b) != text:
		t.Errorf("%s %q, %v; want %s", resp.Status, b, err, c.want)
	}
	if n := rd.Buffered(); n > 0 {
		t.Errorf("%d bytes behind the answer", n)
	}
	return err == nil && !resp.Close
}
