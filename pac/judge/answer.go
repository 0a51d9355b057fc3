package judge

import (
	"strings"
)

// Answer is what FindProxyForURL returned: where to go, in order. It is never
// empty: what no client understands is DIRECT, as Chromium has it.
type Answer []Hop

// Hop is one way to go.
type Hop struct {
	Kind string // DIRECT, PROXY, HTTP, HTTPS, SOCKS, SOCKS4, SOCKS5
	At   string // host:port, lower case; empty for DIRECT
}

var kinds = map[string]bool{"PROXY": true, "HTTP": true, "HTTPS": true, "SOCKS": true, "SOCKS4": true, "SOCKS5": true, "QUIC": true}

// parseAnswer reads the text; understood is false if some of it means nothing.
func parseAnswer(text string) (a Answer, understood bool) {
	understood = true
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(part)
		switch {
		case len(words) == 0:
		case len(words) == 1 && strings.EqualFold(words[0], "DIRECT"):
			a = append(a, Hop{Kind: "DIRECT"})
		case len(words) == 2 && kinds[strings.ToUpper(words[0])]:
			a = append(a, Hop{strings.ToUpper(words[0]), strings.ToLower(words[1])})
		default:
			understood = false
		}
	}
	if len(a) == 0 {
		return Answer{{Kind: "DIRECT"}}, understood
	}
	return a, understood
}

func (a Answer) String() string {
	var all []string
	for _, h := range a {
		all = append(all, strings.TrimSpace(h.Kind+" "+h.At))
	}
	return strings.Join(all, "; ")
}

// Direct tells whether the first thing tried is no proxy.
func (a Answer) Direct() bool { return a[0].Kind == "DIRECT" }

// FailsOpen tells whether DIRECT comes after a proxy.
func (a Answer) FailsOpen() bool {
	for _, h := range a[1:] {
		if h.Kind == "DIRECT" {
			return !a.Direct()
		}
	}
	return false
}
