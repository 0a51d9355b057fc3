package proxy

import (
	"errors"
	"io"
	"net"
)

// errCut is how a connection ends that the other side did not end.
var errCut = errors.New("TLS ended without close_notify")

// Records of TLS (RFC 8446, 5.1): what type of record closes one, and how long
// such a record is where types are encrypted (5.2).
const (
	recordHead   = 5
	recordAlert  = 21
	recordShake  = 22
	recordSecret = 23
	secretAlert  = 2 + 1 + 16 // level, description; type; tag
)

// A cut follows the records that a connection brings, so that one that ends
// without close_notify is not taken for one that ended: an answer without a
// length would be whole. crypto/tls takes an end between two records for the
// end, since many servers omit the alert. In TLS 1.3 an alert is known by its
// length alone, which two octets of data have as well: those may be cut off.
type cut struct {
	net.Conn
	head    [recordHead]byte
	headed  int  // octets of head
	left    int  // octets of the record behind it
	plain   bool // not TLS
	started bool
}

func (c *cut) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.follow(b[:n])
	if n == 0 && errors.Is(err, io.EOF) && c.started && !c.plain && !c.closing() {
		err = errCut
	}
	return n, err
}

// follow skips from record to record.
func (c *cut) follow(b []byte) {
	if !c.started && len(b) > 0 {
		c.started, c.plain = true, b[0] != recordShake && b[0] != recordAlert
	}
	for len(b) > 0 && !c.plain {
		if c.left > 0 {
			n := min(c.left, len(b))
			c.left -= n
			b = b[n:]
			continue
		}
		if c.headed == recordHead {
			c.headed = 0
		}
		n := copy(c.head[c.headed:], b)
		c.headed += n
		b = b[n:]
		if c.headed == recordHead {
			c.left = c.length()
		}
	}
}

func (c *cut) length() int { return int(c.head[3])<<8 | int(c.head[4]) }

// closing tells whether the last record is whole, and may have been an alert.
func (c *cut) closing() bool {
	return c.headed == recordHead && c.left == 0 && (c.head[0] == recordAlert || c.head[0] == recordSecret && c.length() == secretAlert)
}
