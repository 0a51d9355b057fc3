package main

import (
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// slowAnswer is what the resolver takes for a name under slow.example (G12).
const slowAnswer = 5 * time.Second

// resolve starts the resolver that the proxy asks and returns its address.
func (s *stand) resolve() (string, error) {
	udp, err := net.ListenPacket("udp", net.JoinHostPort(near, "0"))
	if err != nil {
		return "", err
	}
	s.dns = &dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(answerDNS)}
	go func() { _ = s.dns.ActivateAndServe() }()
	return udp.LocalAddr().String(), nil
}

func answerDNS(w dns.ResponseWriter, q *dns.Msg) {
	a := new(dns.Msg).SetReply(q)
	name := strings.TrimSuffix(strings.ToLower(q.Question[0].Name), ".")
	switch {
	case strings.HasSuffix(name, ".slow.example"):
		time.Sleep(slowAnswer)
		a.Rcode = dns.RcodeNameError
	case strings.HasSuffix(name, ".nowhere.example"):
		a.Rcode = dns.RcodeNameError
	case q.Question[0].Qtype == dns.TypeA:
		a.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
			A:   net.ParseIP(originOf(name)),
		}}
	}
	_ = w.WriteMsg(a) // who asked has gone
}

// originOf is where a name leads.
func originOf(name string) string {
	if name == signIn || name == data {
		return near
	}
	return far
}
