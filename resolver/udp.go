package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// maxQuestion is the largest message that is read, in octets. Questions are
// far shorter; RFC 7766 lets a server say so by closing.
const maxQuestion = 4096

// ServeUDP answers the questions that arrive at conn until Close. One reader
// answers what needs no upstream itself: several on one socket would pay more
// for taking turns than they gain. Who has processors to spare gives the
// kernel several sockets with one address (SO_REUSEPORT) to share out.
func (s *Server) ServeUDP(conn *net.UDPConn) error {
	if !s.enter(conn) {
		conn.Close()
		return nil
	}
	defer s.leave(conn)
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	several := ok && local.IP.IsUnspecified()
	if several {
		if err := wantDestination(conn); err != nil {
			return fmt.Errorf("learn where datagrams arrive: %w", err)
		}
	}
	return s.ended(s.readDatagrams(conn, several))
}

// wantDestination makes conn tell which of this machine's addresses each
// datagram was sent to. The answer must come from there.
func wantDestination(conn *net.UDPConn) error {
	err6 := ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst, true)
	err4 := ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true)
	if err6 != nil && err4 != nil {
		return err4
	}
	return nil
}

// datagram is where a question came from.
type datagram struct {
	asker
	conn   *net.UDPConn
	source []byte // control message that makes the answer leave from where it was asked; nil: any
}

func (s *Server) readDatagrams(conn *net.UDPConn, several bool) error {
	in, out := make([]byte, maxQuestion), make([]byte, 0, maxQuestion)
	var control []byte
	if several {
		control = make([]byte, 256)
	}
	for {
		n, c, from, err := receive(conn, in, control)
		if err != nil && s.ended(err) != nil && passing(err) {
			continue
		}
		if err != nil {
			return err
		}
		r := s.rules.Load()
		d := datagram{asker: asker{from, "udp", s.clock()}, conn: conn}
		if several {
			d.source = source(control[:c])
		}
		s.datagram(r, in[:n], out[:0], &d)
	}
}

// receive reads a datagram, and its control message where there is room for one:
// without, the plain call is cheaper.
func receive(conn *net.UDPConn, in, control []byte) (n, c int, from netip.AddrPort, err error) {
	if control == nil {
		n, from, err = conn.ReadFromUDPAddrPort(in)
		return n, 0, from, err
	}
	n, c, _, from, err = conn.ReadMsgUDPAddrPort(in, control)
	return n, c, from, err
}

// passing tells whether a socket can be read on although reading failed: an
// answer could not be delivered, or there was no memory.
func passing(err error) bool {
	temporary, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && temporary.Temporary()
}

// source returns the control message for an answer to a datagram that came
// with control.
func source(control []byte) []byte {
	var six ipv6.ControlMessage
	if six.Parse(control) == nil && six.Dst != nil && six.Dst.To4() == nil {
		return (&ipv6.ControlMessage{Src: six.Dst}).Marshal()
	}
	var four ipv4.ControlMessage
	if four.Parse(control) == nil && four.Dst != nil {
		return (&ipv4.ControlMessage{Src: four.Dst}).Marshal()
	}
	return nil
}

// datagram answers one question: at once, or in the background where an
// upstream must be asked. When too many wait already, what is stale must do.
func (s *Server) datagram(r *Rules, in, out []byte, d *datagram) {
	q, malformed := parse(in)
	if errors.Is(malformed, errIgnored) {
		s.metrics.count(resultMalformed)
		return
	}
	answer, ok := s.quick(r, &q, d.from.Addr().Unmap(), malformed, d.began)
	if ok {
		s.send(r, out, d, &q, &answer)
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		answer = s.remembered(r, &q)
		s.send(r, out, d, &q, &answer)
		return
	}
	q.keep()
	s.running.Add(1)
	waiting := *d
	go func() {
		defer s.running.Done()
		defer func() { <-s.slots }()
		answer := s.ask(r, &q)
		s.send(r, make([]byte, 0, udpSize), &waiting, &q, &answer)
	}()
}

func (s *Server) send(r *Rules, out []byte, d *datagram, q *query, answer *reply) {
	s.done(r, &d.asker, q, answer)
	// A client that cannot be reached has gone; nobody else is to be told.
	b := q.write(out, answer, q.size)
	if d.source == nil {
		_, _ = d.conn.WriteToUDPAddrPort(b, d.from)
		return
	}
	_, _, _ = d.conn.WriteMsgUDPAddrPort(b, d.source, d.from)
}
