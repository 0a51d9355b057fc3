package audit

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/nontransparent"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// certified returns a certificate for 127.0.0.1 and a PEM file to trust it by.
func certified(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.TLS.Certificates[0], roots
}

// syslogServer accepts one connection after the other and hands what an
// independent parser makes of each message to got.
func syslogServer(t *testing.T, l net.Listener, lines bool, got chan<- *rfc5424.SyslogMessage) {
	t.Helper()
	done := make(chan struct{})
	take := func(r *syslog.Result) {
		if r.Error != nil {
			if !strings.Contains(r.Error.Error(), "EOF") {
				t.Error(r.Error)
			}
			return
		}
		got <- r.Message.(*rfc5424.SyslogMessage)
	}
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p := octetcounting.NewParser(syslog.WithListener(take), syslog.WithMaxMessageLength(maxFrame))
			if lines {
				p = nontransparent.NewParser(syslog.WithListener(take))
			}
			p.Parse(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// sample is an event as line 7 of kind.
func sample(e *Event) Line { return Line{Seq: 7, Kind: e.Kind, JSON: e.JSON(testObserver)} }

func sendTo(t *testing.T, c SinkConfig, batch ...Line) error {
	t.Helper()
	c.Name = "siem"
	s, err := newSink(c, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = s.Send(ctx, batch)
	if c, ok := s.(io.Closer); ok {
		c.Close()
	}
	return err
}

func TestSyslogMessagesAreUnderstoodByAnotherParser(t *testing.T) {
	cert, roots := certified(t)
	for name, tt := range map[string]struct {
		scheme, framing string
	}{
		"TLS, octet counting (RFC 5425)": {"tls", "octets"},
		"TLS, lines":                     {"tls", "lines"},
		"TCP, octet counting (RFC 6587)": {"tcp", ""},
		"TCP, lines":                     {"tcp", "lines"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			addr := l.Addr().String()
			c := SinkConfig{Type: "syslog", URL: tt.scheme + "://" + addr, Syslog: SyslogConfig{Framing: tt.framing}}
			if tt.scheme == "tls" {
				l, c.Roots = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}), roots
			}
			got := make(chan *rfc5424.SyslogMessage, 100)
			syslogServer(t, l, tt.framing == "lines", got)
			if err := sendTo(t, c, sample(blocked()), sample(hostileEvent())); err != nil {
				t.Fatal(err)
			}
			m := <-got
			if !m.Timestamp.Equal(noon.Truncate(time.Microsecond)) || *m.Appname != "tenantgate" || *m.Hostname != testObserver.Hostname ||
				*m.MsgID != "tenant" || *m.Facility != 13 || *m.Severity != 4 || m.StructuredData != nil {
				t.Errorf("%+v", m)
			}
			line, err := audittest.Parse([]byte(*m.Message + "\n"))
			if err != nil || line.Event.ID != blocked().ID {
				t.Errorf("the body is %q, %v", *m.Message, err)
			}
			m = <-got // the hostile one is one message as well
			if _, err := audittest.Parse([]byte(*m.Message + "\n")); err != nil {
				t.Errorf("the body is %q, %v", *m.Message, err)
			}
		})
	}
}

// hostileEvent has the separators of every format in every text of a client.
func hostileEvent() *Event {
	e := blocked()
	nasty := "a|b=c\\d\te\r\nf src=6.6.6.6 <0>1 x^ \x1b[2J\u202e\u2028 g"
	e.User, e.Host, e.Path, e.UserAgent, e.ResourceDomain = nasty, nasty, "/"+nasty, nasty, nasty
	e.Credentials[0].User = nasty
	return e
}

func TestSyslogOverUDPIsOneDatagramAnEvent(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := sendTo(t, SinkConfig{Type: "syslog", URL: "udp://" + c.LocalAddr().String()}, sample(blocked()), sample(forwarded())); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tenant", "access"} {
		b := make([]byte, maxFrame)
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		m, err := rfc5424.NewParser().Parse(b[:n])
		if err != nil {
			t.Fatalf("%q: %v", b[:n], err)
		}
		if id := *m.(*rfc5424.SyslogMessage).MsgID; id != want {
			t.Errorf("message ID %s, want %s", id, want)
		}
	}
}

func TestASyslogReceiverThatNobodyVouchesForGetsNothing(t *testing.T) {
	cert, _ := certified(t)
	l := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{cert}})
	got := make(chan *rfc5424.SyslogMessage, 1)
	syslogServer(t, l, false, got)
	err := sendTo(t, SinkConfig{Type: "syslog", URL: "tls://" + l.Addr().String()}, sample(blocked()))
	if err == nil || failure(err).Class != Settings {
		t.Errorf("error %v, want one of the configuration", err)
	}
	if len(got) > 0 {
		t.Error("it got a message")
	}
}

func TestSyslogConnectsAgainWhenTheReceiverWasRestarted(t *testing.T) {
	l := listen(t)
	addr := l.Addr().String()
	got := make(chan *rfc5424.SyslogMessage, 100)
	first := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			first <- c
		}
	}()
	s, err := newSink(SinkConfig{Name: "siem", Type: "syslog", URL: "tcp://" + addr}, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	defer s.(io.Closer).Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Send(ctx, []Line{sample(blocked())}); err != nil {
		t.Fatal(err)
	}
	gone := s.(*Syslog).conns[Tenant].gone
	(<-first).Close()
	l.Close()
	<-gone
	if l, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	syslogServer(t, l, false, got)
	if err := s.Send(ctx, []Line{sample(blocked())}); err != nil {
		t.Fatal(err)
	}
	<-got
}

func TestCEFAndLEEFGoInTheBodyOfSyslog(t *testing.T) {
	for format, start := range map[string]string{"cef": "CEF:0|", "leef": "LEEF:2.0|"} {
		l := listen(t)
		got := make(chan *rfc5424.SyslogMessage, 2)
		syslogServer(t, l, false, got)
		c := SinkConfig{Type: "syslog", Format: format, URL: "tcp://" + l.Addr().String()}
		if err := sendTo(t, c, sample(blocked())); err != nil {
			t.Fatal(err)
		}
		if m := <-got; !strings.HasPrefix(*m.Message, start) {
			t.Errorf("%s: %q", format, *m.Message)
		}
	}
}

func TestReceiversOfTheOlderHeaderGetIt(t *testing.T) {
	pid := os.Getpid()
	for _, tt := range []struct{ header, format, start string }{
		{"rfc3164", "cef", "<108>Nov 21 19:00:00 gate-1 CEF:0|tenantgate|"},
		{"rfc3164", "leef", "<108>Nov 21 19:00:00 gate-1 LEEF:2.0|tenantgate|"},
		{"rfc3164", "", fmt.Sprintf(`<108>Nov 21 19:00:00 gate-1 tenantgate[%d]: {"@timestamp":`, pid)},
		{"rfc3164", "ecs", fmt.Sprintf(`<108>Nov 21 19:00:00 gate-1 tenantgate[%d]: {"@timestamp":`, pid)},
		{"none", "cef", "CEF:0|tenantgate|"},
	} {
		s, err := newSink(SinkConfig{Type: "syslog", URL: "tcp://127.0.0.1", Format: tt.format, Syslog: SyslogConfig{Header: tt.header}}, testObserver)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.(*Syslog).message.append(nil, sample(blocked()))
		if err != nil || !strings.HasPrefix(string(b), tt.start) {
			t.Errorf("%s, %s: %q, %v", tt.header, tt.format, b, err)
		}
	}
}

func TestAHostNameThatSyslogDoesNotAllowIsMadeToFit(t *testing.T) {
	for host, want := range map[string]string{
		"": "-", "a b\nc": "abc", "héé": "h", "\u202e": "-", strings.Repeat("x", 300): strings.Repeat("x", 255),
	} {
		if got := string(appendSyslogWord(nil, host, maxSyslogHost)); got != " "+want {
			t.Errorf("%q becomes %q", host, got)
		}
	}
}

// What follows reads CEF and LEEF as their specifications have it.

// splitHeader splits at unescaped bars and undoes the escapes of CEF's header.
func splitHeader(s string, fields int) (head []string, rest string) {
	var field strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			field.WriteByte(s[i])
		case s[i] == '|':
			head = append(head, field.String())
			field.Reset()
			if len(head) == fields {
				return head, s[i+1:]
			}
		default:
			field.WriteByte(s[i])
		}
	}
	return head, ""
}

// cefPairs reads an extension: a key is a word before an unescaped equals
// sign, and a value ends where the next key begins.
func cefPairs(s string) map[string]string {
	pairs := map[string]string{}
	var starts [][2]int // of the key, of the equals sign
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '=':
			key := strings.LastIndexByte(s[:i], ' ') + 1
			starts = append(starts, [2]int{key, i})
		}
	}
	undo := strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\n`, "\n", `\r`, "\r")
	for i, at := range starts {
		end := len(s)
		if i+1 < len(starts) {
			end = starts[i+1][0] - 1
		}
		pairs[s[at[0]:at[1]]] = undo.Replace(s[at[1]+1 : end])
	}
	return pairs
}

func render(t *testing.T, with rendering, e *Event) string {
	t.Helper()
	b, err := with(nil, e.JSON(testObserver))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCEFSaysWhatTheEventSays(t *testing.T) {
	for _, e := range []*Event{blocked(), forwarded(), hostileEvent(), examples["observed"]()} {
		text := render(t, renderings["cef"], e)
		if strings.ContainsAny(text, "\r\n") {
			t.Errorf("more than a line: %q", text)
		}
		head, rest := splitHeader(text, 7)
		if want := []string{"CEF:0", "tenantgate", "tenantgate", testObserver.Version, e.Action}; !slices.Equal(head[:5], want) {
			t.Errorf("header %q, want %q", head, want)
		}
		pairs := cefPairs(rest)
		line, err := audittest.Parse(e.JSON(testObserver))
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]string{
			"externalId": e.ID, "act": e.Verdict, "reason": e.Reason, "cs1": e.Relation, "cs1Label": "relation",
			"cs2": e.HomeTenant, "dhost": shown(line.Destination.Domain), "requestClientApplication": shown(line.UserAgent.Original),
			"requestMethod": e.Method, "outcome": line.Event.Outcome, "cat": e.Kind.String(),
		} {
			if pairs[key] != want {
				t.Errorf("%s is %q, want %q", key, pairs[key], want)
			}
		}
		if src := pairs["src"] + pairs["c6a2"]; src != line.Source.IP || pairs["src"] != "" && strings.Contains(src, ":") {
			t.Errorf("source %q, want %q", src, line.Source.IP)
		}
	}
}

func TestLEEFSaysWhatTheEventSays(t *testing.T) {
	for _, e := range []*Event{blocked(), forwarded(), hostileEvent()} {
		text := render(t, renderings["leef"], e)
		head := strings.SplitN(text, "|", 7)
		if want := []string{"LEEF:2.0", "tenantgate", "tenantgate", testObserver.Version, e.Action, "x09"}; !slices.Equal(head[:6], want) {
			t.Fatalf("header %q, want %q", head, want)
		}
		pairs := map[string]string{}
		for pair := range strings.SplitSeq(head[6], "\t") {
			key, value, ok := strings.Cut(pair, "=")
			if !ok || pairs[key] != "" {
				t.Errorf("%q is no pair, or comes twice", pair)
			}
			pairs[key] = value
		}
		for key, want := range map[string]string{
			"cat": e.Kind.String(), "eventUid": e.ID, "policy": e.Reason, "action": e.Verdict, "relation": e.Relation, "homeTenant": e.HomeTenant,
		} {
			if pairs[key] != want {
				t.Errorf("%s is %q, want %q", key, pairs[key], want)
			}
		}
	}
}

func FuzzTextDoesNotBreakOutOfARendering(f *testing.F) {
	for _, s := range []string{"", "a|b", "a=b src=1.2.3.4", `\`, `\\=`, "a\tb", "a\nb", "\x00\xff", " x=", `\n`, "=|\\ \r\n\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := blocked()
		e.User, e.UserAgent = s, s
		text := e.JSON(testObserver)
		line, err := audittest.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		b, err := renderings["cef"](nil, text)
		if err != nil {
			t.Fatal(err)
		}
		_, rest := splitHeader(string(b), 7)
		// A parser may drop blanks at the end of a value.
		if got := cefPairs(rest)["requestClientApplication"]; got != shown(line.UserAgent.Original) {
			t.Errorf("CEF: %q, want %q", got, line.UserAgent.Original)
		}
		acts := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
		if strings.ContainsFunc(string(b), acts) {
			t.Errorf("CEF: %q", b)
		}
		if b, err = renderings["leef"](nil, text); err != nil || strings.ContainsFunc(string(b), acts) {
			t.Errorf("LEEF: %q, %v", b, err)
		}
		if n := strings.Count(string(b), "\teventUid="); n != 1 {
			t.Errorf("LEEF: eventUid comes %d times", n)
		}
		message, err := syslogMessage{facility: 13, render: native}.append(nil, Line{JSON: text})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rfc5424.NewParser().Parse(message); err != nil {
			t.Errorf("syslog: %v in %q", err, message)
		}
	})
}
