package demo

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// through is a proxy that tunnels everything to the cloud and does nothing of
// what the walk is there to show.
func through(t *testing.T, c *Cloud) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, err := c.Dial(r.Context(), "tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go pipe(origin, client)
		pipe(client, origin)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

func TestTheWalkNoticesAProxyThatDoesNothing(t *testing.T) {
	c := start(t)
	var out bytes.Buffer
	err := Walk(t.Context(), &out, Stage{
		Proxy: through(t, c), Roots: c.Roots(), Cloud: c, Patience: time.Nanosecond,
		Events: func() ([]byte, error) { return nil, nil },
	})
	if err == nil {
		t.Fatal("the walk is content")
	}
	for _, want := range []string{
		"scenario 1, A home sign-in passes, tagged", "scenario 2, ", "scenario 3, ",
		"scenario 4, ", "scenario 5, ", "scenario 6, ", "scenario 7, ", "scenario 8, ",
		`the cloud saw the tags [], want "Sec-Restrict-Tenant-Access-Policy: ` + Home.Tag() + `" alone`,
		`"Sec-Restrict-Tenant-Access-Policy: ` + Foreign.Tag() + `"`,
		"the answer is 200, want 403", "the token reached the cloud", "no event was left",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in %v", want, err)
		}
	}
	if got := out.String(); !strings.HasSuffix(got, "\n0 of 8 as expected\n") {
		t.Errorf("the summary is %q", got[max(0, len(got)-40):])
	}
}

func TestAWalkIsPlainWhereNobodyAskedForColour(t *testing.T) {
	c := start(t)
	for _, colour := range []bool{false, true} {
		var out bytes.Buffer
		_ = Walk(t.Context(), &out, Stage{
			Proxy: through(t, c), Roots: c.Roots(), Cloud: c, Patience: time.Nanosecond, Colour: colour,
			Events: func() ([]byte, error) { return nil, nil },
		})
		if got := strings.Contains(out.String(), "\x1b["); got != colour {
			t.Errorf("Colour %v: escape sequences: %v", colour, got)
		}
		if colour {
			continue
		}
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > width {
				t.Errorf("%d characters: %s", len(line), line)
			}
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("not plain: %q", line)
			}
		}
	}
}

func TestHostileTextDoesNotReachTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[2Jb\nc\u009bd": "a [2Jb c d", strings.Repeat("x", 20): "xxxxxxx...", "": "",
	} {
		if got := fit(in, 10); got != want {
			t.Errorf("fit(%q) = %q, want %q", in, got, want)
		}
	}
}
