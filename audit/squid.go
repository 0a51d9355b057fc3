package audit

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
)

// squid renders an event as a line of Squid's native access.log
// (wiki.squid-cache.org, Features/LogFormat):
//
//	%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt
//
// There is one line for each request: an event that is not the last of its
// request has none.
func squid(b []byte, t *told, _ []byte) []byte {
	if !t.last() {
		return b
	}
	at := t.Time
	b = fmt.Appendf(b, "%d.%03d %6d %s %s/%03d %d ", at.Unix(), at.Nanosecond()/1e6, t.Event.Duration.Milliseconds(),
		cmp.Or(t.Source.IP, "-"), t.squidResult(), t.HTTP.Response.Status, t.Destination.Bytes)
	b = appendField(b, cmp.Or(t.HTTP.Request.Method, "CONNECT"), '_')
	b = append(b, ' ')
	b = appendField(b, t.squidURL(), '_')
	b = append(b, ' ')
	b = appendField(b, t.User.Name, '_')
	if t.Destination.IP == "" {
		return append(b, " HIER_NONE/- -"...)
	}
	return fmt.Appendf(b, " HIER_DIRECT/%s -", t.Destination.IP)
}

// squidResult is Squid's word for what became of a request.
func (t *told) squidResult() string {
	switch {
	case t.denied():
		return "TCP_DENIED"
	case t.Own.Verdict == "tunnel":
		return "TCP_TUNNEL"
	}
	return "TCP_MISS"
}

// squidURL is host:port of a tunnel, as Squid has it.
func (t *told) squidURL() string {
	if m := t.HTTP.Request.Method; m != "" && m != "CONNECT" {
		return t.url()
	}
	if t.Destination.Domain == "" {
		return ""
	}
	return net.JoinHostPort(t.Destination.Domain, strconv.Itoa(t.Destination.Port))
}

// last reports whether no other event of the same request comes: it is an
// access event, or a refusal that has none.
func (t *told) last() bool {
	return t.Own.Kind == Access.String() || t.denied() && t.Own.Completes == "" && !t.about()
}

// appendField appends a text as a field of a line whose fields end in a blank:
// blanks become blank, what acts or could end the field is percent-encoded, an
// empty text is a hyphen.
func appendField(b []byte, s string, blank byte) []byte {
	if s == "" {
		return append(b, '-')
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			b = append(b, blank)
		case c > ' ' && c < 0x7f && c != '"':
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&0xf])
		}
	}
	return b
}

const upperHex = "0123456789ABCDEF"
