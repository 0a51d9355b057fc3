package proxy

import (
	"net"
	"net/netip"
	"time"
)

// paced is a client's connection during its handshake: what is worked out
// between two waits for the client is one turn of its at the door.
type paced struct {
	net.Conn
	door *door
	of   netip.Addr
	end  func() // of the turn that it has; nil: none
}

func (p *paced) begin() { p.end = p.door.turn(p.of, time.Now()) }

func (p *paced) rest() {
	if p.end != nil {
		p.end()
		p.end = nil
	}
}

// Read implements net.Conn.
func (p *paced) Read(b []byte) (int, error) {
	p.rest()
	n, err := p.Conn.Read(b)
	p.begin()
	return n, err
}
