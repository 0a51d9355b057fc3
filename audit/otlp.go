package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// An OTLP sends events as OpenTelemetry log records over HTTP, in OTLP's JSON
// encoding (OpenTelemetry protocol 1.x, OTLP/HTTP), which every receiver of
// OTLP/HTTP must take. The body of a record is the event.
type OTLP struct {
	*poster
	observer Observer
}

func newOTLP(c SinkConfig, o Observer) (Sink, error) {
	if _, err := renderingOf(c.Format, "ecs"); err != nil {
		return nil, err
	}
	p, err := newPoster(c, "/v1/logs", o)
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		p.header.Set("Authorization", "Bearer "+c.Token)
	}
	return &OTLP{p, o}, nil
}

var _ Sink = (*OTLP)(nil)

// Send implements Sink. Where the receiver took only a part it does not say
// which, so the batch is halved until it does.
func (s *OTLP) Send(ctx context.Context, batch []Line) error {
	body, err := s.body(batch)
	if err != nil {
		return err
	}
	a, err := s.post(ctx, s.url, "application/json", body, http.Header{})
	if err != nil {
		return err
	}
	var said struct {
		Partial struct {
			Rejected wholeNumber `json:"rejectedLogRecords"`
			Message  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	_ = json.Unmarshal(a.body, &said) // an empty answer is fine
	if n := said.Partial.Rejected; n > 0 {
		return &Failure{Class: Poison, Index: -1, Err: fmt.Errorf("%d records rejected: %q", n, said.Partial.Message)}
	}
	return nil
}

// A wholeNumber is an int64, which JSON of protobuf writes as text or as a
// number.
type wholeNumber int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *wholeNumber) UnmarshalJSON(b []byte) error {
	i, err := strconv.ParseInt(string(bytes.Trim(b, `"`)), 10, 64)
	*n = wholeNumber(i)
	return err
}

// severities of the OpenTelemetry data model: 9 INFO, 13 WARN, 17 ERROR.
func (t *told) otelSeverity() (int64, string) {
	switch n := t.severity(); {
	case n >= 7:
		return 17, "ERROR"
	case n >= 5:
		return 13, "WARN"
	}
	return 9, "INFO"
}

func (s *OTLP) body(batch []Line) ([]byte, error) {
	b := append([]byte(nil), `{"resourceLogs":[{"resource":{"attributes":[`...)
	b = attribute(b, "service.name", "tenantgate")
	b = attribute(b, "service.version", s.observer.Version)
	b = attribute(b, "host.name", s.observer.Hostname)
	b = append(b, `]},"scopeLogs":[{"scope":{"name":"tenantgate"},"logRecords":[`...)
	for i, l := range batch {
		if i > 0 {
			b = append(b, ',')
		}
		t, err := readTold(l.JSON)
		if err != nil {
			return nil, &Failure{Class: Poison, Index: i, Err: errors.New("it is not an event")}
		}
		b = t.logRecord(b, l)
	}
	return append(b, `]}]}]}`...), nil
}

func (t *told) logRecord(b []byte, l Line) []byte {
	o := newObject(b)
	nanos := strconv.FormatInt(max(t.Time.Unix(), 0)*1e9+int64(t.Time.Nanosecond()), 10) // unsigned in the protocol
	o.text("timeUnixNano", nanos)
	o.text("observedTimeUnixNano", nanos)
	number, text := t.otelSeverity()
	o.always("severityNumber", number)
	o.text("severityText", text)
	o.text("eventName", "tenantgate."+t.Own.Kind)
	o.within("body", func(o *object) { o.text("stringValue", string(bytes.TrimSuffix(l.JSON, []byte{'\n'}))) })
	o.key("attributes")
	o.b = append(o.b, '[')
	for _, a := range [][2]string{
		{"event.id", t.Event.ID}, {"http.request.method", t.HTTP.Request.Method}, {"url.scheme", t.URL.Scheme}, {"url.path", t.URL.Path},
		{"url.full", t.url()}, {"server.address", t.Destination.Domain}, {"client.address", t.Source.IP},
		{"user_agent.original", t.Agent.Original}, {"user.name", t.User.Name}, {"security_rule.name", t.Event.Reason},
		{"tenantgate.verdict", t.Own.Verdict}, {"tenantgate.relation", t.Own.Relation}, {"tenantgate.plane", t.Own.Plane},
		{"tenantgate.resource_tenant", t.Own.ResourceTenant}, {"tenantgate.account_tenant", t.Own.AccountTenant},
	} {
		o.b = attribute(o.b, a[0], a[1])
	}
	for _, a := range []struct {
		name string
		n    int
	}{{"http.response.status_code", t.HTTP.Response.Status}, {"server.port", t.Destination.Port}, {"client.port", t.Source.Port}} {
		if a.n == 0 {
			continue
		}
		o.b = append(separated(o.b), `{"key":"`+a.name+`","value":{"intValue":"`+strconv.Itoa(a.n)+`"}}`...)
	}
	o.b = append(o.b, ']')
	return o.end()
}

// attribute appends an element of a list of attributes; none where the value
// is empty.
func attribute(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	o := newObject(separated(b))
	o.text("key", key)
	o.within("value", func(o *object) { o.text("stringValue", value) })
	return o.end()
}

// separated puts a comma where an element stands already.
func separated(b []byte) []byte {
	if b[len(b)-1] == '[' {
		return b
	}
	return append(b, ',')
}
