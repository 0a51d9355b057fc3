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
