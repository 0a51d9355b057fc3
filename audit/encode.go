package audit

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// maxLine bounds one line in bytes, the newline included. Microsoft Sentinel
// cuts a field at 32 KiB, syslog receivers earlier.
const maxLine = 32 << 10

// Limits bound what of a client's text goes into one event, in bytes before
// escaping, which makes six of one at worst.
type limits struct {
	text, path, agent, claim int // lengths
	list, originals          int // counts
}

// levels are tried in turn until the line fits. The last always does.
var levels = []limits{
	{text: 1024, path: 2048, agent: 512, claim: 256, list: 32, originals: 8},
	{text: 128, path: 256, agent: 128, claim: 64, list: 16, originals: 4},
	{text: 64, path: 256, agent: 128, claim: 64, list: 3, originals: 2},
}

// An encoder writes one event as JSON, in the shape of docs/events.md. It is
// written by hand because every event of the main path passes here: no
// reflection, no allocation.
type encoder struct {
	b         []byte
	seqAt     int // where the sequence number goes
	lim       limits
	truncated bool
	originals []original
	second    int64    // of stamp
	stamp     [20]byte // the last timestamp up to its full stop
	last      ruling   // that ruled has
	ruled     []byte   // empty: nothing is remembered
}

// An original is the bytes of a field that was not valid UTF-8.
type original struct{ field, text string }

// encode writes e with a newline, and without its sequence number.
func (x *encoder) encode(e *Event, observer []byte, uptime time.Duration) {
	for level, lim := range levels {
		x.b, x.lim, x.truncated, x.originals = x.b[:0], lim, level > 0, x.originals[:0]
		x.event(e)
		x.b = append(x.b, observer...)
		x.request(e)
		x.own(e, uptime)
		x.b = append(x.b, "}}\n"...)
		if len(x.b)+len("18446744073709551615") <= maxLine {
			break
		}
	}
	clear(x.originals) // keep no text of the client's alive
}

func (x *encoder) event(e *Event) {
	x.raw(`{"@timestamp":"`)
	x.timestamp(e.Time.UTC())
	x.raw(`","ecs":{"version":"9.4.0"},"event":{"id":`)
	x.word(e.ID)
	x.raw(`,"kind":"`)
	x.raw(e.kind())
	x.raw(`","category":`)
	x.category(e)
	x.raw(`,"type":`)
	x.types(e)
	x.raw(`,"action":`)
	x.word(e.Action)
	x.raw(`,"outcome":"`)
	x.raw(e.outcome())
	x.raw(`","reason":`)
	x.word(e.Reason)
	if e.Duration > 0 {
		x.number(`,"duration":`, int64(e.Duration))
	}
	x.raw(`},`)
}

// timestamp writes t as RFC 3339 in UTC with microseconds. What the second
// gives is kept: the next event is often of the same.
func (x *encoder) timestamp(t time.Time) {
	if s := t.Unix(); s != x.second || s == 0 {
		from := len(x.b)
		x.date(t)
		x.second = s
		copy(x.stamp[:], x.b[from:])
	} else {
		x.b = append(x.b, x.stamp[:]...)
	}
	x.digits(t.Nanosecond()/1000, 6, 'Z')
}

func (x *encoder) date(t time.Time) {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	x.digits(year, 4, '-')
	x.digits(int(month), 2, '-')
	x.digits(day, 2, 'T')
	x.digits(hour, 2, ':')
	x.digits(minute, 2, ':')
	x.digits(second, 2, '.')
}

// digits writes n with leading zeros, and end behind it.
func (x *encoder) digits(n, width int, end byte) {
	at := len(x.b) + width
	x.b = append(x.b, "000000"[:width]...)
	for i := 1; i <= width; i++ {
		x.b[at-i] = byte('0' + n%10)
		n /= 10
	}
	x.b = append(x.b, end)
}

// kind is alert where enforcement fired, or would have. An access event never
// is one: the tenant event before it was.
func (e *Event) kind() string {
	if e.Kind == Tenant && (e.Verdict == "block" || e.Observed) {
		return "alert"
	}
	return "event"
}

func (e *Event) denied() bool { return e.Denied || e.Verdict == "block" }

func (e *Event) outcome() string {
	switch {
	case e.denied(), e.Entra.Blocked:
		return "failure"
	case e.Unknown:
		return "unknown"
	}
	return "success"
}

func (x *encoder) category(e *Event) {
	if e.Category == nil {
		x.raw(`["network","web"]`)
		return
	}
	x.words(e.Category)
}

// types writes event.type from ECS's allowed values: connection belongs to the
// category network, start to authentication.
func (x *encoder) types(e *Event) {
	if e.Type != nil {
		x.words(e.Type)
		return
	}
	x.raw(`["access",`)
	if e.denied() {
		x.raw(`"denied"`)
	} else {
		x.raw(`"allowed"`)
	}
	if e.Verdict == "tunnel" {
		x.raw(`,"connection"`)
	}
	if slices.Contains(e.Category, "authentication") {
		x.raw(`,"start"`)
	}
	x.raw(`]`)
}

// appendObserver writes the part of an event that is the same in all of them.
func appendObserver(b []byte, o Observer) []byte {
	x := encoder{b: b, lim: limits{claim: 256}}
	x.raw(`"observer":{"vendor":"tenantgate","product":"tenantgate","type":"proxy","hostname":`)
	x.word(o.Hostname)
	x.raw(`,"version":`)
	x.word(o.Version)
	x.raw(`}`)
	return x.b
}

// request writes what the client asked for. An address or a port that is not
// known is left out: Elasticsearch's type ip takes no empty text.
func (x *encoder) request(e *Event) {
	x.raw(`,"source":{`)
	x.source(e)
	x.raw(`}`)
	x.optional(`,"user":{"name":`, "user.name", e.User, `}`)
	x.raw(`,"destination":{"domain":`)
	from := len(x.b)
	x.text("destination.domain", e.Host, x.lim.text)
	domain := x.b[from:]
	x.number(`,"port":`, int64(e.Port))
	if e.Addr != "" {
		if a, err := netip.ParseAddr(e.Addr); err == nil {
			x.address(`,"ip":"`, a)
		}
	}
	if e.BytesOut > 0 {
		x.number(`,"bytes":`, e.BytesOut)
	}
	x.raw(`},"url":{"scheme":`)
	x.word(e.Scheme)
	x.raw(`,"domain":`)
	x.b = append(x.b, domain...)
	x.raw(`,"path":`)
	x.text("url.path", withoutQuery(e.Path), x.lim.path)
	x.raw(`},"http":{"request":{"method":`)
	x.text("http.request.method", e.Method, x.lim.claim)
	x.optional(`,"id":`, "http.request.id", e.RequestID, ``)
	x.raw(`}`)
	if e.Status != 0 {
		x.number(`,"response":{"status_code":`, int64(e.Status))
		x.raw(`}`)
	}
	x.optional(`,"version":`, "http.version", e.Version, ``)
	x.raw(`},"user_agent":{"original":`)
	x.text("user_agent.original", e.UserAgent, x.lim.agent)
	x.raw(`}`)
	x.optional(`,"tls":{"version":`, "tls.version", e.TLSVersion, `}`)
	x.dns(&e.DNS, domain)
}

// dns writes a question to the resolver; its name, as it stands in the event.
func (x *encoder) dns(q *DNS, name []byte) {
	if q.empty() {
		return
	}
	x.raw(`,"network":{"protocol":"dns","transport":`)
	x.word(q.Transport)
	x.raw(`},"dns":{"type":"answer","question":{"name":`)
	x.b = append(x.b, name...)
	x.raw(`,"type":`)
	x.word(q.Type)
	x.raw(`},"response_code":`)
	x.word(q.Code)
	x.raw(`}`)
}

func (x *encoder) source(e *Event) {
	comma := ``
	if e.Source.IsValid() {
		x.address(`"ip":"`, e.Source.Addr())
		x.number(`,"port":`, int64(e.Source.Port()))
		comma = `,`
	}
	if e.BytesIn > 0 {
		x.raw(comma)
		x.number(`"bytes":`, e.BytesIn)
	}
}

func (x *encoder) raw(s string) { x.b = append(x.b, s...) }

func (x *encoder) number(key string, n int64) {
	x.b = append(x.b, key...)
	x.b = strconv.AppendInt(x.b, n, 10)
}

// address writes an address without its zone, which ECS's type ip does not know.
func (x *encoder) address(key string, a netip.Addr) {
	x.b = append(x.b, key...)
	x.b = a.Unmap().WithZone("").AppendTo(x.b)
	x.b = append(x.b, '"')
}

// optional writes a text that is left out where it is empty.
func (x *encoder) optional(key, field, s, end string) {
	if s == "" {
		return
	}
	x.b = append(x.b, key...)
	x.text(field, s, x.lim.text)
	x.b = append(x.b, end...)
}
