package proxy_test

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// sent is what came of sending a case.
type sent struct {
	answers     []proxytest.Answer
	intercepted bool
	turnedAway  bool     // by a SOCKS reply, which has no reason
	from        net.Addr // the client's own address, which events name
	err         error    // the connection hangs, or the answer cannot be read
}

// send carries a case out. What is sent is made before there is a connection
// that waits for it.
func (a *attack) send(st *stage, v *values, r run, wants int) sent {
	w, rig, say := a.way(st, v, r), st.rig, a.words(v, r)
	conn, err := rig.Open(w)
	if refused, ok := errors.AsType[*proxytest.Refused](err); ok {
		return sent{answers: []proxytest.Answer{refused.Answer}, from: rig.Last(), turnedAway: w.SOCKS != ""}
	}
	if err != nil {
		return sent{answers: []proxytest.Answer{{Reset: err.Error()}}, from: rig.Last()}
	}
	defer conn.Close()
	s := sent{from: conn.LocalAddr()}
	if a.keys["alpn"] == "plain" || a.sections["tunnel"] != "" {
		s.answers, s.err = proxytest.Send(conn, say.raw, a.methods(wants))
		return s
	}
	tc, err := shake(rig, conn, w)
	if refused, ok := errors.AsType[*proxytest.Refused](err); ok {
		s.answers, s.turnedAway = []proxytest.Answer{refused.Answer}, w.SOCKS != ""
		return s
	}
	if err != nil {
		s.answers = []proxytest.Answer{{Reset: err.Error()}}
		return s
	}
	s.intercepted = rig.Intercepted(tc)
	if r.h2 {
		s.answers, s.err = proxytest.SendStreams(tc, say.streams)
		return s
	}
	s.answers, s.err = proxytest.Send(tc, say.raw, a.methods(wants))
	return s
}

// words are what a case says, in one of the protocols.
type words struct {
	raw     []byte
	streams []proxytest.Stream
}

func (a *attack) words(v *values, r run) words {
	switch {
	case a.keys["alpn"] == "plain":
		return words{raw: []byte(v.wire(a.sections["request"]))}
	case a.sections["tunnel"] != "":
		return words{raw: []byte(v.wire(a.sections["tunnel"]))}
	case !r.h2:
		return words{raw: []byte(v.wire(a.sections["request"]))}
	case a.sections["frames"] != "":
		return words{streams: v.streams(a.sections["frames"])}
	default:
		return words{streams: []proxytest.Stream{translate(v.wire(a.sections["request"]))}}
	}
}

// methods are those of the requests that are answered, HEAD above all: its
// answer has no body whatever its length says.
func (a *attack) methods(wants int) []string {
	list := strings.Fields(a.keys["methods"])
	for len(list) < wants {
		list = append(list, "GET")
	}
	return list
}

// way says how the client connects.
func (a *attack) way(st *stage, v *values, r run) proxytest.Way {
	target := v.expand(a.keys["target"])
	w := proxytest.Way{
		Connect: "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n",
		Early:   a.keys["early"] == "yes", Name: a.keys["sni"], Spell: a.keys["spell"], ALPN: []string{"http/1.1"},
		Pieces: len(a.keys["pieces"]),
	}
	if raw, ok := a.sections["connect"]; ok {
		w.Connect = v.wire(raw)
	}
	switch {
	case a.keys["alpn"] == "plain":
		return proxytest.Way{At: st.rig.Explicit}
	case r.way == "steered":
		w.Connect, w.At = "", st.rig.Steered
	case r.way == "diverted":
		w.Connect, w.At = "", st.diverted
	case r.way == "socks":
		w.SOCKS, _ = proxytest.SOCKS(target)
	}
	if r.h2 {
		w.ALPN = []string{"h2"}
	}
	if w.Name == "none" {
		w.Name = ""
	}
	if a.keys["offer"] == "many" { // a hello of more than one segment
		for i := range 200 {
			w.ALPN = append(w.ALPN, "x-padding-of-the-hello-"+string(rune('a'+i%26))+string(rune('a'+i/26)))
		}
	}
	switch a.keys["max"] {
	case "1.0":
		w.Max = tls.VersionTLS10
	case "1.1":
		w.Max = tls.VersionTLS11
	case "1.2":
		w.Max = tls.VersionTLS12
	}
	if name := a.keys["ech"]; name != "" {
		w.ECH = proxytest.ECHConfig(name)
	}
	return w
}

// translate turns a well-formed HTTP/1.1 request into HTTP/2.
func translate(raw string) proxytest.Stream {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target, _, _ := strings.Cut(rest, " ")
	s := proxytest.Stream{Fields: []proxytest.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"}, {Name: ":path", Value: target}}}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " ")
		switch name {
		case "host":
			s.Fields = append([]proxytest.Field{{Name: ":authority", Value: value}}, s.Fields...)
		case "connection":
		default:
			s.Fields = append(s.Fields, proxytest.Field{Name: name, Value: value})
		}
	}
	if body != "" {
		s.Data = []byte(body)
	}
	return s
}

// streams reads a script of frames: HEADERS, DATA and TRAILERS, each with its
// lines below; another HEADERS begins another stream.
func (v *values) streams(script string) []proxytest.Stream {
	v.t.Helper()
	var all []proxytest.Stream
	var s *proxytest.Stream
	part := ""
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "HEADERS":
			all = append(all, proxytest.Stream{})
			s, part = &all[len(all)-1], line
		case line == "DATA" || line == "TRAILERS":
			part = line
		case part == "DATA":
			s.Data = append(s.Data, v.expand(v.escapes(line))...)
		default:
			f := v.field(line)
			if part == "TRAILERS" {
				s.Trailers = append(s.Trailers, f)
			} else {
				s.Fields = append(s.Fields, f)
			}
		}
	}
	return all
}

// field reads "name: value"; the blank belongs to neither.
func (v *values) field(line string) proxytest.Field {
	v.t.Helper()
	i := strings.Index(line[1:], ": ")
	if i < 0 {
		v.t.Fatalf("field %q", line)
	}
	return proxytest.Field{Name: v.escapes(line[:i+1]), Value: v.expand(v.escapes(line[i+3:]))}
}
