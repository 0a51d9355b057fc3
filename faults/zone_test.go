package faults_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const resolverAddr = "127.0.0.53:53"

// mood is how the resolver answers.
type mood int32

const (
	well mood = iota
	silent
	failing   // SERVFAIL
	cut       // truncated over UDP, and nothing over TCP
	long      // truncated over UDP, whole over TCP
	nonsense  // bytes that are no message
	wrongName // an answer to another question
	slow
)

// zone is the resolver that the program asks.
type zone struct {
	t       *testing.T
	mood    atomic.Int32
	asked   atomic.Int64
	names   map[string]string // name, or ".suffix": address
	servers []*dns.Server
}

func newZone(t *testing.T) *zone {
	z := &zone{t: t, names: map[string]string{
		signInHost: signInAddr, graphHost: dataAddr, siteHost: siteAddr, ".faults.test": dataAddr,
		"broken.faults.test": brokenAddr, "toxic.faults.test": toxicAddr,
	}}
	z.start()
	t.Cleanup(z.stop)
	return z
}

func (z *zone) start() {
	z.t.Helper()
	var udp net.PacketConn
	var tcp net.Listener
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var err error // what listened there before may take a moment to be gone
		if udp, err = net.ListenPacket("udp", resolverAddr); err == nil {
			if tcp, err = net.Listen("tcp", resolverAddr); err == nil {
				break
			}
			udp.Close()
		}
		if time.Now().After(end) {
			z.t.Fatal(err)
		}
	}
	handler := dns.HandlerFunc(z.answer)
	z.servers = []*dns.Server{{PacketConn: udp, Handler: handler}, {Listener: tcp, Handler: handler}}
	for _, s := range z.servers {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() { _ = s.ActivateAndServe() }() // ends with stop
		<-up
	}
}

func (z *zone) stop() {
	for _, s := range z.servers {
		_ = s.Shutdown()
	}
	z.servers = nil
}

func (z *zone) is(m mood) { z.mood.Store(int32(m)) }

func (z *zone) answer(w dns.ResponseWriter, q *dns.Msg) {
	z.asked.Add(1)
	_, tcp := w.RemoteAddr().(*net.TCPAddr)
	a := new(dns.Msg)
	a.SetReply(q)
	switch m := mood(z.mood.Load()); {
	case m == silent, m == cut && tcp:
		return
	case m == failing:
		a.Rcode = dns.RcodeServerFailure
	case m == cut, m == long && !tcp:
		a.Truncated = true
	case m == nonsense:
		_, _ = w.Write([]byte("\xff\xff this is no message"))
		return
	case m == wrongName:
		a.Question[0].Name = "www.example.org."
		a.Answer = z.records("www.example.org.", dns.TypeA, siteAddr)
	case m == slow:
		time.Sleep(300 * time.Millisecond) // the fault itself
		fallthrough
	default:
		name := strings.TrimSuffix(strings.ToLower(q.Question[0].Name), ".")
		addr, ok := z.names[name]
		if !ok {
			if _, rest, cut := strings.Cut(name, "."); cut {
				addr, ok = z.names["."+rest]
			}
		}
		if !ok {
			a.Rcode = dns.RcodeNameError
			break
		}
		a.Answer = z.records(q.Question[0].Name, q.Question[0].Qtype, addr)
	}
	_ = w.WriteMsg(a) // who asked may be gone
}

func (z *zone) records(name string, kind uint16, addr string) []dns.RR {
	if kind != dns.TypeA {
		return nil
	}
	return []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(addr)}}
}
