package proxy

import (
	"crypto/tls"
	"net"
)

// alertRecord is the length of a TLS record that holds one alert in the clear:
// type, version, length, level, description (RFC 8446, 5.1 and 6).
const alertRecord = 7

// lastWords remembers the last bytes of a connection that was read. OpenSSL's
// clients refuse a certificate of TLS 1.3 with an alert in the clear, because
// they have no keys to write with yet; crypto/tls takes that for a bad record.
type lastWords struct {
	net.Conn
	said []byte
}

func (l *lastWords) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.said = append(l.said, b[max(0, n-alertRecord):n]...)
	if more := len(l.said) - alertRecord; more > 0 {
		l.said = append(l.said[:0], l.said[more:]...)
	}
	return n, err
}

// alert returns the alert that the client ended with, in crypto/tls's words.
func (l *lastWords) alert() (string, bool) {
	s := l.said
	if len(s) != alertRecord || s[0] != 21 || s[1] != 3 || s[3] != 0 || s[4] != 2 {
		return "", false
	}
	return tls.AlertError(s[6]).Error(), true
}
