package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/setting"
)

// SplunkConfig is what only Splunk knows.
type SplunkConfig struct {
	Index       string `yaml:"index"`       // empty is the token's own
	Source      string `yaml:"source"`      // empty is tenantgate
	Sourcetype  string `yaml:"sourcetype"`  // empty is tenantgate:tenant or tenantgate:access, by kind
	Acknowledge bool   `yaml:"acknowledge"` // wait for indexer acknowledgement, where the token has it
}

// A Splunk posts events to the HTTP Event Collector.
//
// Without acknowledgement a 200 says that Splunk has the events in memory. With
// it Send waits until they are indexed; Splunk Enterprise has that, Splunk
// Cloud only for Kinesis Firehose (help.splunk.com, About HTTP Event Collector
// Indexer Acknowledgment).
type Splunk struct {
	*poster
	cfg      SplunkConfig
	render   rendering
	host     string
	ack      string // where to ask for acknowledgement
	channels [2]string
}

// splunkEvents is where events go.
const splunkEvents = "/services/collector/event"

func newSplunk(c SinkConfig, o Observer) (Sink, error) {
	render, err := renderingOf(c.Format, "ecs", "cim", "ocsf")
	s := &Splunk{cfg: c.Splunk, render: render, host: o.Hostname}
	if c.Token == "" {
		err = errors.Join(err, setting.Errorf("token", "write the HEC token as ${file:…}", "is missing"))
	}
	p, err2 := newPoster(c, splunkEvents, o)
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	s.poster = p
	s.ack = strings.TrimSuffix(p.url, "/event") + "/ack"
	s.header.Set("Authorization", "Splunk "+c.Token)
	for i := range s.channels {
		s.channels[i] = randomGUID()
	}
	return s, nil
}

// randomGUID names a channel: Splunk keeps acknowledgements by channel.
func randomGUID() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", rand.Uint32(), rand.Uint32()>>16, rand.Uint32()>>20, rand.Uint32()>>20, rand.Uint64()>>16)
}

var _ Sink = (*Splunk)(nil)

// hecAnswer is what HEC says.
type hecAnswer struct {
	Text    string          `json:"text"`
	Code    int             `json:"code"`
	Invalid *int            `json:"invalid-event-number"`
	AckID   *uint64         `json:"ackId"`
	Acks    map[string]bool `json:"acks"`
}

// Send implements Sink.
func (s *Splunk) Send(ctx context.Context, batch []Line) error {
	body, err := s.body(batch)
	if err != nil {
		return err
	}
	header := http.Header{}
	if s.cfg.Acknowledge {
		header.Set("X-Splunk-Request-Channel", s.channels[batch[0].Kind])
	}
	a, err := s.post(ctx, s.url, "application/json", body, header)
	var said hecAnswer
	_ = json.Unmarshal(a.body, &said) // a proxy's page is no JSON
	if err != nil {
		return said.failure(err)
	}
	if !s.cfg.Acknowledge {
		return nil
	}
	if said.AckID == nil {
		return &Failure{Class: Settings, Index: -1, Err: errors.New("the token has no indexer acknowledgement: turn it on, or splunk.acknowledge off")}
	}
	return s.indexed(ctx, *said.AckID, header)
}

// failure reads HEC's code (help.splunk.com, Troubleshoot HTTP Event
// Collector). Of the codes that come with status 400 only some mean an event.
func (a hecAnswer) failure(err error) error {
	f := failure(err)
	if f.Class == TooMuch {
		return f
	}
	switch a.Code {
	case 5, 6, 12, 13, 15: // no data, invalid data format, event field required or blank, indexed fields
		f.Class = Poison
		if a.Invalid != nil {
			f.Index = *a.Invalid
		}
	case 1, 2, 3, 4, 7, 10, 11, 14, 16, 21, 22: // token, index, channel, acknowledgement
		f.Class = Settings
	case 8, 9, 18, 19, 20, 23, 24: // internal error, busy, unhealthy, shutting down, queue full
		f.Class = Retry
	}
	return f
}

// ackEvery is how often Splunk is asked whether a batch is indexed.
const ackEvery = 500 * time.Millisecond

// indexed waits until the batch is indexed. Where that takes longer than the
// attempt may, the batch goes again.
func (s *Splunk) indexed(ctx context.Context, id uint64, header http.Header) error {
	question := []byte(`{"acks":[` + strconv.FormatUint(id, 10) + `]}`)
	for {
		a, err := s.post(ctx, s.ack, "application/json", question, header)
		if err != nil {
			return err
		}
		var said hecAnswer
		if err := json.Unmarshal(a.body, &said); err != nil {
			return fmt.Errorf("read acknowledgement: %w", err)
		}
		if said.Acks[strconv.FormatUint(id, 10)] {
			return nil
		}
		t := time.NewTimer(ackEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("not indexed in time: %w", ctx.Err())
		}
	}
}

// body is one object after the other, not an array.
func (s *Splunk) body(batch []Line) ([]byte, error) {
	var b []byte
	for i, l := range batch {
		b = append(b, `{"time":`...)
		at := l.time()
		b = strconv.AppendInt(b, at.Unix(), 10)
		b = append(b, '.')
		b = append(b, fmt.Sprintf("%06d", at.Nanosecond()/1000)...)
		b = s.field(b, "host", s.host)
		b = s.field(b, "source", cmp.Or(s.cfg.Source, "tenantgate"))
		b = s.field(b, "sourcetype", cmp.Or(s.cfg.Sourcetype, "tenantgate:"+l.Kind.String()))
		b = s.field(b, "index", s.cfg.Index)
		b = append(b, `,"event":`...)
		var err error
		if b, err = s.render(b, bytes.TrimSuffix(l.JSON, []byte{'\n'})); err != nil {
			return nil, &Failure{Class: Poison, Index: i, Err: err}
		}
		b = append(b, '}')
	}
	return b, nil
}

func (s *Splunk) field(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), key...), `":`...)
	b, _ = appendString(b, value)
	return b
}
