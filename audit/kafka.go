package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tenantgate/tenantgate/setting"
)

// KafkaConfig is what only Kafka knows.
type KafkaConfig struct {
	Brokers     []string `yaml:"brokers"`      // host:port
	TenantTopic string   `yaml:"tenant_topic"` // empty is tenantgate.tenant
	AccessTopic string   `yaml:"access_topic"` // empty is tenantgate.access
	Plaintext   bool     `yaml:"plaintext"`    // without TLS
	Mechanism   string   `yaml:"mechanism"`    // plain | scram-sha-256 | scram-sha-512 | oauthbearer; empty is without SASL
	User        string   `yaml:"user"`         // of SASL; $ConnectionString with Event Hubs
	Password    string   `yaml:"password"`     // of SASL
	Compression string   `yaml:"compression"`  // zstd | lz4 | snappy | gzip | none; empty is zstd
	Idempotence string   `yaml:"idempotence"`  // on | off; empty is on

	Azure AzureConfig `yaml:"azure"` // of oauthbearer: who asks Entra for a token to Event Hubs
}

// A Kafka produces events to a topic for each kind, with the client's address
// as key, so that the events of one client stay in order. It waits for all
// in-sync replicas.
type Kafka struct {
	name   string
	topics [2]string // by Kind
	render rendering
	opts   []kgo.Opt

	credential azcore.TokenCredential // of oauthbearer

	mu     sync.Mutex
	client *kgo.Client // nil before the first Send
}

func newKafka(c SinkConfig, o Observer) (Sink, error) {
	render, err := renderingOf(c.Format, "ecs", "ocsf", "asim")
	k := &Kafka{name: c.Name, render: render, topics: [2]string{
		cmp.Or(c.Kafka.TenantTopic, "tenantgate.tenant"), cmp.Or(c.Kafka.AccessTopic, "tenantgate.access"),
	}}
	bad := []error{err, k.security(c, o)}
	if len(c.Kafka.Brokers) == 0 {
		bad = append(bad, setting.Errorf("kafka.brokers", "write [host:9093]", "is empty"))
	}
	codec, ok := codecs[c.Kafka.Compression]
	if !ok {
		bad = append(bad, setting.Errorf("kafka.compression", "write zstd, lz4, snappy, gzip or none", "%q is none of them", c.Kafka.Compression))
	}
	k.opts = append(k.opts, kgo.SeedBrokers(c.Kafka.Brokers...), kgo.ProducerBatchCompression(codec),
		kgo.ClientID("tenantgate"), kgo.SoftwareNameAndVersion("tenantgate", cmp.Or(o.Version, "unknown")),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordRetries(5),
		// Else a batch in flight would outlive its attempt. What was written twice
		// has the same event.id.
		kgo.AllowIdempotentProduceCancellation())
	switch c.Kafka.Idempotence {
	case "", "on":
	case "off":
		k.opts = append(k.opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	default:
		bad = append(bad, setting.Errorf("kafka.idempotence", "write on or off", "%q is neither", c.Kafka.Idempotence))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	if err := kgo.ValidateOpts(k.opts...); err != nil {
		return nil, setting.Errorf("kafka", "", "cannot be used: %v", err)
	}
	return k, nil
}

var codecs = map[string]kgo.CompressionCodec{
	"": kgo.ZstdCompression(), "zstd": kgo.ZstdCompression(), "lz4": kgo.Lz4Compression(),
	"snappy": kgo.SnappyCompression(), "gzip": kgo.GzipCompression(), "none": kgo.NoCompression(),
}

var _ Sink = (*Kafka)(nil)

// Name implements Sink.
func (k *Kafka) Name() string { return k.name }

// Send implements Sink.
func (k *Kafka) Send(ctx context.Context, batch []Line) error {
	client, err := k.connected()
	if err != nil {
		return err
	}
	records := make([]*kgo.Record, len(batch))
	for i, l := range batch {
		value, err := k.render(nil, bytes.TrimSuffix(l.JSON, []byte{'\n'}))
		if err != nil {
			return &Failure{Class: Poison, Index: i, Err: err}
		}
		records[i] = &kgo.Record{
			Topic: k.topics[l.Kind], Value: value, Key: clientOf(l.JSON), Timestamp: l.time(),
			Headers: []kgo.RecordHeader{{Key: "schema", Value: []byte("tenantgate/1")}, {Key: "ecs_version", Value: []byte("9.4.0")}},
		}
	}
	results := client.ProduceSync(ctx, records...)
	for _, r := range results {
		if r.Err != nil {
			return kafkaFailure(r.Err, indexOf(records, r.Record))
		}
	}
	return nil
}

// connected returns the client, made at the first call: it dials by itself.
func (k *Kafka) connected() (*kgo.Client, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.client == nil {
		client, err := kgo.NewClient(k.opts...)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		k.client = client
	}
	return k.client, nil
}

func indexOf(records []*kgo.Record, r *kgo.Record) int {
	for i := range records {
		if records[i] == r {
			return i
		}
	}
	return -1
}

// kafkaFailure sorts the broker's errors.
func kafkaFailure(err error, i int) error {
	f := &Failure{Class: Retry, Index: -1, Err: err}
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.InvalidRecord):
		f.Class, f.Index = Poison, i
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed),
		errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.InvalidTopicException), errors.Is(err, kerr.UnsupportedSaslMechanism),
		errors.Is(err, kerr.UnsupportedCompressionType):
		f.Class = Settings
	}
	return f
}

// clientOf is the client's address in a line, nil where there is none: it has
// no escapes.
func clientOf(line []byte) []byte {
	_, rest, ok := bytes.Cut(line, []byte(`"source":{"ip":"`))
	end := bytes.IndexByte(rest, '"')
	if !ok || end < 0 {
		return nil
	}
	return bytes.Clone(rest[:end])
}

// Close ends the connections.
func (k *Kafka) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.client != nil {
		k.client.Close()
	}
	return nil
}
