package audit

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// seeds are texts that break encoders, terminals and log readers.
var seeds = []string{
	"", "ada", `a"b\c`, "a\r\nb", "\x1b]0;x\x07", "\x00\x7f", "\u0085\u009b31m", "\u2028\u2029", "\u202eabc\u2069\u200f", "\ufeff\u00ad",
	"\xff\xfe", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\U0001f600\U000e0041", "\ufffd", "=cmd|' /C calc'!A0", "CEF:0|a|b=c",
	"eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiIzMyJ9.c2ln", "sig=a%2Fb&x", "%65yJhbGciOiJSUzI1NiJ9.x", "Bearer abc", "/p?code=1#f",
	strings.Repeat("é", 1100), strings.Repeat("\xff", 2100), strings.Repeat("\x01", 2100),
}

func FuzzEncode(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, s, s, uint8(1))
		f.Add("/v1.0/me", s, "agent", uint8(40))
	}
	f.Fuzz(func(t *testing.T, a, b, c string, n uint8) {
		e := blocked()
		e.User, e.Host, e.Path, e.UserAgent, e.Method, e.RequestID, e.Close = a, b, c, a, b, c, a
		e.Credentials = nil
		for range n {
			e.Credentials = append(e.Credentials, Credential{Place: "query", Kind: "jwt", Tenant: c, IDP: b, App: a, User: b, Digest: "d"})
			e.ClientTags = append(e.ClientTags, c)
		}
		got := line(e)
		wantPlainLine(t, got)
		l, err := audittest.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, lim := range levels {
			if holds(l, e, lim) {
				return
			}
		}
		t.Errorf("%s is not what went in: %q %q %q", got, a, b, c)
	})
}

var escapes = regexp.MustCompile(`\\(u[0-9a-f]{4}|.)`)

// wantPlainLine fails unless got is one bounded line of UTF-8 in which nothing
// acts instead of showing.
func wantPlainLine(t *testing.T, got []byte) {
	t.Helper()
	if bytes.IndexByte(got, '\n') != len(got)-1 || len(got) > maxLine {
		t.Errorf("%d bytes, newline at %d", len(got), bytes.IndexByte(got, '\n'))
	}
	if !utf8.Valid(got) {
		t.Errorf("not UTF-8: %q", got)
	}
	for _, r := range string(got[:len(got)-1]) {
		switch {
		case r < ' ', r >= 0x7f && r <= 0x9f, r == 0x200e, r == 0x200f, r == 0x2028, r == 0x2029, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			t.Errorf("%U stands unescaped", r)
		}
	}
	said := escapes.ReplaceAll(got, []byte(" ")) // the e of \u001e begins no token
	if i := bytes.Index(said, []byte("eyJ")); i >= 0 && len(bytes.TrimLeft(said[i:], "eyJABCDEFGHIKLMNOPQRSTUVWXYZabcdfghijklmnopqrstuvwxz0123456789-_")) < len(said)-i-minJWT {
		t.Errorf("a token is left: %s", got)
	}
}

// holds reports whether l says what e says, within limits.
func holds(l audittest.Line, e *Event, lim limits) bool {
	tg := l.Tenantgate
	n := min(len(e.Credentials), lim.list)
	if len(tg.Credentials) != n || len(tg.ClientTags) != n || len(e.Credentials) > n && !tg.Truncated {
		return false
	}
	path, _, _ := strings.Cut(e.Path, "?")
	path, _, _ = strings.Cut(path, "#")
	type pair struct {
		in, out string
		limit   int
	}
	user := ""
	if l.User != nil {
		user = l.User.Name
	}
	pairs := []pair{
		{e.User, user, lim.text}, {e.Host, l.Destination.Domain, lim.text}, {e.Host, l.URL.Domain, lim.text}, {path, l.URL.Path, lim.path},
		{e.UserAgent, l.UserAgent.Original, lim.agent}, {e.Method, l.HTTP.Request.Method, lim.claim}, {e.RequestID, l.HTTP.Request.ID, lim.text},
		{e.Close, tg.CloseReason, lim.text},
	}
	for i, c := range tg.Credentials {
		in := e.Credentials[i]
		pairs = append(pairs, pair{in.Tenant, c.Tenant, lim.claim}, pair{in.IDP, c.IDP, lim.claim}, pair{in.App, c.App, lim.claim},
			pair{in.User, c.User, lim.claim}, pair{e.ClientTags[i], tg.ClientTags[i], lim.claim})
	}
	for _, p := range pairs {
		want := kept(kept(p.in, p.limit, redact), p.limit, nil)
		if string([]rune(want)) != p.out || len(p.in) > p.limit && !tg.Truncated {
			return false
		}
	}
	return recoverable(l)
}

// kept is what is left of s within limit, cut between characters.
func kept(s string, limit int, then func(string) string) string {
	if len(s) > limit {
		cut := limit
		for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		if cut == limit-utf8.UTFMax {
			cut = limit // no character has four octets behind its first
		}
		s = s[:cut]
	}
	if then != nil {
		s = then(s)
	}
	return s
}

// recoverable reports whether bytes that were no text are kept in hex.
func recoverable(l audittest.Line) bool {
	for _, o := range l.Tenantgate.InvalidUTF8 {
		text, err := hex.DecodeString(o.Hex)
		if err != nil || utf8.Valid(text) {
			return false
		}
		if o.Field == "url.path" && string([]rune(string(text))) != l.URL.Path {
			return false
		}
	}
	return true
}

func FuzzRedact(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "eyJhbGciOiJSUzI1NiJ9.TUFSS0VS.bWFya2Vy"
		if got := redact(before + secret + after); strings.Contains(got, "TUFSS0VS") || strings.Contains(got, "bWFya2Vy") {
			t.Errorf("redact left %q", got)
		}
	})
}

func TestIDsSortInTheOrderTheyWereMade(t *testing.T) {
	last := ""
	for range 100_000 {
		id := NewID()
		if id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		last = id
	}
	if len(last) != 36 || last[14] != '7' || !strings.ContainsRune("89ab", rune(last[19])) {
		t.Errorf("%s is not a UUIDv7", last)
	}
}

func TestIDsDoNotGoBackWithTheClock(t *testing.T) {
	now := time.Now().Add(time.Second) // IDs made in a burst run a little ahead
	first := tick(now)
	if second := tick(now.Add(-time.Hour)); second != first+1 {
		t.Errorf("%d after %d", second, first)
	}
	if ms := first >> 12; ms != uint64(now.UnixMilli()) {
		t.Errorf("%d is not the time %d in milliseconds", ms, now.UnixMilli())
	}
}
