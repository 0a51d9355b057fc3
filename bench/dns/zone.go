package main

import (
	"net"

	"github.com/miekg/dns"
)

// zone is a server that knows an address for every name.
type zone struct {
	addr   string
	server *dns.Server
}

func newZone() (*zone, error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	started := make(chan struct{})
	z := &zone{addr: pc.LocalAddr().String(), server: &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }}}
	z.server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 86400},
			A:   net.IPv4(192, 0, 2, 7),
		}}
		_ = w.WriteMsg(m)
	})
	go func() { _ = z.server.ActivateAndServe() }()
	<-started
	return z, nil
}

func (z *zone) close() { _ = z.server.Shutdown() }
