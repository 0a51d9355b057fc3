package audit

import (
	"strings"
	"testing"
)

// Eight bytes at a time must find what one at a time does, wherever it stands.
func TestEveryByteThatNeedsAnEscapeIsSeenWhereverItStands(t *testing.T) {
	for length := range 26 {
		for at := range length {
			for c := range 256 {
				s := strings.Repeat("x", at) + string([]byte{byte(c)}) + strings.Repeat("~", length-at-1)
				want := c < 0x80 && plain[c]
				if got := ordinary(s); got != want {
					t.Fatalf("ordinary(%q) is %v", s, got)
				}
				if got, _ := look(s); got != want {
					t.Fatalf("look(%q) says %v", s, got)
				}
			}
		}
	}
}

// A text is written without a closer look only if no look would find anything,
// and the same is written then.
func TestAUsualTextIsWrittenAsAnyOther(t *testing.T) {
	for length := range 26 {
		for at := range length {
			for c := range 256 {
				wantUsual(t, strings.Repeat("x", at)+string([]byte{byte(c)})+strings.Repeat("~", length-at-1))
			}
		}
	}
	for _, s := range seeds {
		wantUsual(t, s)
	}
	for _, s := range []string{"", "GET", "data", "block", "/v1.0/me", "curl/8.5.0", "graph.microsoft.com", "Eve@Fabrikam.com", home} {
		if !newRecord().usual(s) {
			t.Errorf("%q is not usual", s)
		}
	}
}

func wantUsual(t *testing.T, s string) {
	t.Helper()
	const before = `{"a":`
	for room := range len(s) + 3 {
		buffer := append(make([]byte, 0, len(before)+room), before...)
		x := encoder{b: buffer}
		ok := x.usual(s)
		ordinary, suspect := look(s)
		want := before
		if ok {
			want = string(appendQuoted([]byte(before), s))
		}
		if string(x.b) != want || ok && (!ordinary || suspect || room < len(s)+2) {
			t.Fatalf("usual(%q) with room for %d: %v, %q", s, room, ok, x.b)
		}
	}
}

func TestWhatMayBeACredentialIsLookedAtCloselyWhereverItStands(t *testing.T) {
	for _, hint := range []string{"sig=x", "%3D", "eyJ", "Bearer x", "basic+x", "BASIC x", "r x"} {
		for _, filler := range []string{"x", "é", "!", "\\", " "} {
			for before := range 20 {
				for after := range 20 {
					s := strings.Repeat(filler, before) + hint + strings.Repeat(filler, after)
					if _, suspect := look(s); !suspect && len(s) >= 8 {
						t.Fatalf("look(%q) sees nothing", s)
					}
				}
			}
		}
	}
	if _, suspect := look("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"); suspect {
		t.Error("a browser's name is looked at closely")
	}
}
