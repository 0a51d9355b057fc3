package audit

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
)

// A syslogMessage writes events as RFC 5424 messages:
//
//	<PRI>1 TIMESTAMP HOSTNAME tenantgate PROCID MSGID - BODY
//
// There is no structured data: its names need an enterprise number, and the
// body says it all. There is no byte order mark, which breaks parsers that take
// JSON, CEF or LEEF from the body.
type syslogMessage struct {
	facility int
	render   rendering
}

// Bounds of RFC 5424 section 6.
const (
	maxSyslogHost = 255
	maxSyslogID   = 32
)

func (m syslogMessage) append(b []byte, l Line) ([]byte, error) {
	t, err := readTold(l.JSON)
	if err != nil {
		return b, err
	}
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(m.facility*8+t.syslogSeverity()), 10)
	b = append(b, ">1 "...)
	b = t.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = appendSyslogWord(b, t.Observer.Hostname, maxSyslogHost)
	b = append(b, " tenantgate "...)
	b = strconv.AppendInt(b, int64(os.Getpid()), 10)
	b = appendSyslogWord(b, t.Own.Kind, maxSyslogID)
	b = append(b, " - "...)
	return m.render(b, bytes.TrimSuffix(l.JSON, []byte{'\n'}))
}

// syslogSeverity is 4 (warning) for an attempt, 5 (notice) for what else is
// policy-relevant, 6 (informational) for the rest.
func (t *told) syslogSeverity() int {
	switch n := t.severity(); {
	case n >= 5:
		return 4
	case n >= 3:
		return 5
	}
	return 6
}

// appendSyslogWord writes a space and a field of the header: printable ASCII
// without blanks, or a hyphen.
func appendSyslogWord(b []byte, s string, limit int) []byte {
	b = append(b, ' ')
	from := len(b)
	for i := 0; i < len(s) && len(b)-from < limit; i++ {
		if s[i] > ' ' && s[i] < 0x7f {
			b = append(b, s[i])
		}
	}
	if len(b) == from {
		b = append(b, '-')
	}
	return b
}

// isTooLong reports whether a datagram was longer than the network takes.
func isTooLong(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }
