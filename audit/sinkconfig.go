package audit

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/setting"
)

// SinkConfig is one entry of events.sinks. Which of the later fields a type
// knows is in docs/sinks.md; one that it does not know is an error.
type SinkConfig struct {
	Name     string            `yaml:"name"`    // of the cursor, the dead-letter file and the metrics
	Type     string            `yaml:"type"`    // one of sinkTypes
	Kinds    []string          `yaml:"kinds"`   // tenant, access; none is both
	URL      string            `yaml:"url"`     // where to
	Token    string            `yaml:"token"`   // a secret that goes with each request
	Headers  map[string]string `yaml:"headers"` // more header fields of each request
	Roots    string            `yaml:"roots"`   // PEM file of roots to trust instead of the system's
	Format   string            `yaml:"format"`  // how an event is written; empty is the type's own
	Batch    BatchConfig       `yaml:"batch"`
	Timeout  time.Duration     `yaml:"timeout"` // of one attempt; 0 is 30 s
	Webhook  WebhookConfig     `yaml:"webhook"`
	Syslog   SyslogConfig      `yaml:"syslog"`
	Splunk   SplunkConfig      `yaml:"splunk"`
	Sentinel SentinelConfig    `yaml:"sentinel"`
	Kafka    KafkaConfig       `yaml:"kafka"`
	File     FileConfig        `yaml:"file"`
}

// BatchConfig bounds what is sent at once. Zero is the type's own.
type BatchConfig struct {
	Bytes  int           `yaml:"bytes"`
	Count  int           `yaml:"count"`
	Linger time.Duration `yaml:"linger"` // how long an event waits for others; 0 is a second
}

// sinkTypes are the types of sink, in the order of docs/sinks.md.
var sinkTypes = []string{"webhook", "syslog", "splunk", "sentinel", "kafka", "otlp", "file", "stdout"}

// newSink makes the sink that c describes. It dials nothing. Paths of its
// errors are relative to c.
func newSink(c SinkConfig, o Observer) (Sink, error) {
	switch c.Type {
	case "webhook":
		return newWebhook(c, o)
	case "syslog":
		return newSyslog(c, o)
	case "splunk":
		return newSplunk(c, o)
	case "sentinel":
		return newSentinel(c, o)
	case "kafka":
		return newKafka(c, o)
	case "otlp":
		return newOTLP(c, o)
	case "file":
		return newFile(c)
	case "stdout":
		return newStdout(c)
	}
	return nil, setting.Errorf("type", "known here: "+strings.Join(sinkTypes, ", "), "%q is not a type of sink", c.Type)
}

// Check reports every problem of the section without opening anything.
func (c Config) Check() error {
	_, err := c.build(Observer{}, newSink)
	return errors.Join(c.check(), err)
}

func (c Config) check() error {
	var bad []error
	wrong := func(path, hint, format string, args ...any) {
		bad = append(bad, setting.Errorf(path, hint, format, args...))
	}
	if !slices.Contains([]string{"", "always", "interval", "never"}, c.Sync) {
		wrong("sync", "write always, interval or never", "%q is none of them", c.Sync)
	}
	if !slices.Contains([]string{"", "block", "pass"}, c.Full) {
		wrong("full", "write block or pass", "%q is neither", c.Full)
	}
	bad = append(bad, c.Privacy.check())
	if c.Spool.MaxBytes != 0 && c.Spool.MaxBytes < minSpoolBytes {
		wrong("spool.max_bytes", fmt.Sprintf("write at least %d", minSpoolBytes), "%d is too little", c.Spool.MaxBytes)
	}
	if c.Spool.MaxAge != 0 && c.Spool.MaxAge < time.Minute {
		wrong("spool.max_age", "write at least 1m", "%v is too short", c.Spool.MaxAge)
	}
	return errors.Join(bad...)
}

// makeSink is newSink, or what a test has in its place.
type makeSink func(SinkConfig, Observer) (Sink, error)

// build makes every sink, or says everything that is wrong with them.
func (c Config) build(o Observer, newSink makeSink) ([]Sink, error) {
	var all []Sink
	var bad []error
	names := map[string]int{}
	for i, one := range c.Sinks {
		at := fmt.Sprintf("sinks[%d]", i)
		bad = append(bad, setting.In(at, one.check()))
		if first, twice := names[one.Name]; twice {
			bad = append(bad, setting.Errorf(at+".name", "each sink has a name of its own", "sinks[%d] has the name already", first))
		}
		names[one.Name] = i
		s, err := newSink(one, o)
		if err != nil {
			bad = append(bad, setting.In(at, err))
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(append(bad, c.oneStdout(), c.ownFiles())...)
}

// sinkName keeps a name fit for a file and a metric's label.
var sinkName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (c SinkConfig) check() error {
	var bad []error
	if !sinkName.MatchString(c.Name) {
		bad = append(bad, setting.Errorf("name", "write a-z, 0-9 and -, at most 40 of them", "%q does not name a sink", c.Name))
	}
	for i, kind := range c.Kinds {
		if kind != "tenant" && kind != "access" {
			bad = append(bad, setting.Errorf(fmt.Sprintf("kinds[%d]", i), "write tenant or access", "%q is neither", kind))
		}
	}
	if c.Batch.Bytes < 0 || c.Batch.Count < 0 || c.Batch.Linger < 0 || c.Timeout < 0 {
		bad = append(bad, setting.Errorf("batch", "leave it out for the default", "has a negative bound"))
	}
	return errors.Join(append(bad, c.stray()...)...)
}

// stray reports sections of other types, which would have no effect.
func (c SinkConfig) stray() (bad []error) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[SinkConfig]()) {
		key := f.Tag.Get("yaml")
		if slices.Contains(sinkTypes, key) && key != c.Type && !reflect.ValueOf(c).FieldByIndex(f.Index).IsZero() {
			bad = append(bad, setting.Errorf(key, "remove it, or set type: "+key, "is only for type %s", key))
		}
	}
	return bad
}

// takes reports whether events of the kind go to the sink.
func (c SinkConfig) takes(k Kind) bool {
	return len(c.Kinds) == 0 || slices.Contains(c.Kinds, k.String())
}

// Bounds of a batch where neither the configuration nor the sink has one.
const (
	batchBytes  = 900 << 10
	batchCount  = 1000
	batchLinger = time.Second
	sendTimeout = 30 * time.Second
)

func (c SinkConfig) limits() batchLimits {
	return batchLimits{
		bytes:   cmp.Or(c.Batch.Bytes, batchBytes),
		count:   cmp.Or(c.Batch.Count, batchCount),
		linger:  cmp.Or(c.Batch.Linger, batchLinger),
		timeout: cmp.Or(c.Timeout, sendTimeout),
	}
}
