package demo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// both runs a test over HTTP/2 and HTTP/1.1.
func both(t *testing.T, c *Cloud, test func(t *testing.T, cl *http.Client)) {
	t.Run("HTTP/2", func(t *testing.T) { test(t, client(t, c)) })
	t.Run("HTTP/1.1", func(t *testing.T) { test(t, oldClient(t, c)) })
}

func TestGenericPathsAreTheSameOnEveryHost(t *testing.T) {
	c := start(t)
	both(t, c, func(t *testing.T, cl *http.Client) {
		for _, host := range []string{"www.example.com", "login.microsoftonline.com", "graph.microsoft.com", "contoso.sharepoint.com"} {
			at := "https://" + host
			if answer, _ := do(t, cl, "GET", at+"/status/418", ""); answer.StatusCode != 418 {
				t.Errorf("%s: %s", host, answer.Status)
			}
			if _, body := do(t, cl, "GET", at+"/bytes/100000", ""); len(body) != 100000 {
				t.Errorf("%s: %d bytes", host, len(body))
			}
			if _, body := do(t, cl, "POST", at+"/echo", "hello"); body != "hello" {
				t.Errorf("%s: %q", host, body)
			}
			if answer, body := do(t, cl, "GET", at+"/range", "", "Range: bytes=10-19"); answer.StatusCode != 206 || body != "0123456789" {
				t.Errorf("%s: %s %q", host, answer.Status, body)
			}
			if _, body := do(t, cl, "GET", at+"/sse?n=5", ""); strings.Count(body, "data: ") != 5 {
				t.Errorf("%s: %q", host, body)
			}
			if answer, body := do(t, cl, "GET", at+"/gzip", ""); answer.Header.Get("Content-Encoding") != "gzip" || body[:2] != "\x1f\x8b" {
				t.Errorf("%s: %v", host, answer.Header)
			}
		}
		answer, _ := do(t, cl, "POST", "https://www.example.com/early413", strings.Repeat("x", 1<<20))
		if answer.StatusCode != 413 {
			t.Errorf("early: %s", answer.Status)
		}
	})
}

func TestAnEchoStreamsBothWays(t *testing.T) {
	c := start(t)
	both(t, c, func(t *testing.T, cl *http.Client) {
		body, send := io.Pipe()
		defer send.Close()
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://www.example.com/echo", body)
		go func() { _, _ = io.WriteString(send, "one") }()
		answer, err := cl.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		got := make([]byte, 3)
		for _, word := range []string{"one", "two"} {
			if _, err := io.ReadFull(answer.Body, got); err != nil || string(got) != word {
				t.Fatalf("%q, %v", got, err)
			}
			if word == "one" {
				_, _ = io.WriteString(send, "two")
			}
		}
	})
}

func TestATruncatedAnswerIsVisiblyTruncated(t *testing.T) {
	c := start(t)
	both(t, c, func(t *testing.T, cl *http.Client) {
		for _, path := range []string{"/truncate", "/truncate?chunked=1"} {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://www.example.com"+path, nil)
			answer, err := cl.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %d bytes, %v", path, len(got), err)
			}
		}
	})
}

func TestTrailersAndEarlyHintsArrive(t *testing.T) {
	c := start(t)
	both(t, c, func(t *testing.T, cl *http.Client) {
		answer, _ := do(t, cl, "GET", "https://www.example.com/trailers", "")
		if answer.Trailer.Get("X-Checksum") != "c0ffee" || answer.Trailer.Get("X-Late") != "yes" {
			t.Errorf("trailers %v", answer.Trailer)
		}
		hinted := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hinted = code; return nil },
		})
		r, _ := http.NewRequestWithContext(ctx, "GET", "https://www.example.com/103", nil)
		answer, err := cl.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if hinted != 103 || answer.StatusCode != 200 {
			t.Errorf("%d, then %s", hinted, answer.Status)
		}
	})
}

func TestRequestTrailersAreRecorded(t *testing.T) {
	c := start(t)
	both(t, c, func(t *testing.T, cl *http.Client) {
		c.Reset()
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://www.example.com/echo", io.MultiReader(strings.NewReader("x")))
		r.Trailer = http.Header{"Sec-Restrict-Tenant-Access-Policy": {"evil"}}
		answer, err := cl.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(answer.Body)
		answer.Body.Close()
		if seen := c.Seen(); len(seen) != 1 || len(seen[0].Tags()) != 1 {
			t.Errorf("%+v", seen)
		}
	})
}

func TestAWebSocketEchoes(t *testing.T) {
	c := start(t)
	raw, err := c.Dial(t.Context(), "tcp", "www.example.com:443")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := tls.Client(raw, &tls.Config{RootCAs: c.Roots(), ServerName: "www.example.com", NextProtos: []string{"http/1.1"}})
	_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != 101 || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%v %v", answer, err)
	}
	for _, size := range []int{5, 200, 70000} {
		message := bytes.Repeat([]byte("x"), size)
		_, _ = conn.Write(masked(message))
		got := make([]byte, len(masked(message))-4)
		if _, err := io.ReadFull(r, got); err != nil || !bytes.HasSuffix(got, message) {
			t.Fatalf("%d: %v", size, err)
		}
	}
}

// masked is a text frame from a client, with a mask of zeroes.
func masked(payload []byte) []byte {
	var b bytes.Buffer
	_ = writeFrame(&b, 0x81, payload)
	frame := b.Bytes()
	head := len(frame) - len(payload)
	frame[1] |= 0x80
	return append(append(frame[:head:head], 0, 0, 0, 0), payload...)
}

func TestAClientThatGoesEndsASlowAnswer(t *testing.T) {
	c := start(t)
	both(t, c, func(t *testing.T, cl *http.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", "https://www.example.com/slow", nil)
		answer, err := cl.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		answer.Body.Close()
		wait, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := c.Await(wait, func(seen []Seen) bool { return seen[len(seen)-1].Ended }); err != nil {
			t.Errorf("the origin still answers: %v", err)
		}
	})
}

func TestANameThatBeginsWithH1SpeaksOnlyThat(t *testing.T) {
	c := start(t)
	for _, name := range []string{"h1.example.com", "h1-contoso.sharepoint.com"} {
		if answer, _ := do(t, client(t, c), "GET", "https://"+name+"/status/200", ""); answer.ProtoMajor != 1 {
			t.Errorf("%s: %s", name, answer.Proto)
		}
	}
}
