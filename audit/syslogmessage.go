package audit

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A syslogMessage writes events as RFC 5424 messages:
//
//	<PRI>1 TIMESTAMP HOSTNAME tenantgate PROCID MSGID - BODY
//
// There is no structured data: its names need an enterprise number, and the
// body says it all. There is no byte order mark, which breaks parsers that take
// JSON, CEF or LEEF from the body.
//
// With header rfc3164 it is the older form, which receivers of CEF and LEEF
// often want, and with none the body alone. There the time is UTC: the form has
// no zone (RFC 3164 section 4.1.2). CEF and LEEF name themselves, JSON needs a
// tag.
//
//	<PRI>Mmm dd hh:mm:ss HOSTNAME [tenantgate[PROCID]: ]BODY
type syslogMessage struct {
	facility int
	header   string // syslogHeaders; empty is rfc5424
	tag      bool   // rfc3164: the body does not name itself
	render   rendering
}

// syslogHeaders are the forms of a message.
var syslogHeaders = []string{"", "rfc5424", "rfc3164", "none"}

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
	if m.header == "none" {
		return m.render(b, bytes.TrimSuffix(l.JSON, []byte{'\n'}))
	}
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(m.facility*8+t.syslogSeverity()), 10)
	if m.header == "rfc3164" {
		b = m.older(append(b, '>'), t)
		return m.render(b, bytes.TrimSuffix(l.JSON, []byte{'\n'}))
	}
	b = append(b, ">1 "...)
	b = t.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = appendSyslogWord(b, t.Observer.Hostname, maxSyslogHost)
	b = append(b, " tenantgate "...)
	b = strconv.AppendInt(b, int64(os.Getpid()), 10)
	b = appendSyslogWord(b, t.Own.Kind, maxSyslogID)
	b = append(b, " - "...)
	return m.render(b, bytes.TrimSuffix(l.JSON, []byte{'\n'}))
}

// older writes the rest of an RFC 3164 header.
func (m syslogMessage) older(b []byte, t *told) []byte {
	b = t.Time.UTC().AppendFormat(b, time.Stamp)
	b = append(appendSyslogWord(b, t.Observer.Hostname, maxSyslogHost), ' ')
	if !m.tag {
		return b
	}
	b = strconv.AppendInt(append(b, "tenantgate["...), int64(os.Getpid()), 10)
	return append(b, "]: "...)
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
