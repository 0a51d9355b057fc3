package audit

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tenantgate/tenantgate/setting"
)

// collector imitates Splunk's HTTP Event Collector: it wants its token and, if
// it acknowledges, a channel; it takes 1 MB; it names the first event that has
// a query word it does not like.
type collector struct {
	channel bool

	mu     sync.Mutex
	events []map[string]any
	acks   map[string]int // channel and id: how often it was asked
	busy   int
}

// taken is what came until now.
func (c *collector) taken() []map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	say := func(status int, text string, code int, more string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"text":%q,"code":%d%s}`, text, code, more)
	}
	if r.Header.Get("Authorization") != "Splunk s3cr3t" {
		say(http.StatusForbidden, "Invalid token", 4, "")
		return
	}
	channel := r.Header.Get("X-Splunk-Request-Channel")
	if c.channel && !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(channel) {
		say(http.StatusBadRequest, "Data channel is missing", 10, "")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch {
	case err != nil:
		say(http.StatusRequestEntityTooLarge, "Content too large", 0, "")
	case r.URL.Path == "/services/collector/ack":
		c.acks[channel]++
		fmt.Fprintf(w, `{"acks":{"7":%v}}`, c.acks[channel] > 2)
	case r.URL.Path != "/services/collector/event":
		say(http.StatusNotFound, "The requested URL was not found on this server.", 404, "")
	case c.busy > 0:
		c.busy--
		w.Header().Set("Retry-After", "3")
		say(http.StatusServiceUnavailable, "Server is busy", 9, "")
	default:
		c.take(body, say)
	}
}

func (c *collector) take(body []byte, say func(int, string, int, string)) {
	var all []map[string]any
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		var e map[string]any
		err := d.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || e["event"] == nil || strings.Contains(fmt.Sprint(e["event"]), "unwanted") {
			say(http.StatusBadRequest, "Invalid data format", 6, fmt.Sprintf(`,"invalid-event-number":%d`, len(all)))
			return
		}
		all = append(all, e)
	}
	c.events = append(c.events, all...)
	say(http.StatusOK, "Success", 0, `,"ackId":7`)
}

func TestSplunkGetsEventsAsHECWantsThem(t *testing.T) {
	c := &collector{}
	server := httptest.NewServer(c)
	defer server.Close()
	cfg := SinkConfig{Type: "splunk", URL: server.URL, Token: "s3cr3t", Splunk: SplunkConfig{Index: "proxy"}}
	if err := sendTo(t, cfg, sample(blocked()), sample(hostileEvent())); err != nil {
		t.Fatal(err)
	}
	first := c.taken()[0]
	for key, want := range map[string]any{
		"host": testObserver.Hostname, "index": "proxy", "source": "tenantgate", "sourcetype": "tenantgate:tenant",
		"time": float64(noon.UnixMicro()) / 1e6,
	} {
		if first[key] != want {
			t.Errorf("%s is %v, want %v", key, first[key], want)
		}
	}
	if id := first["event"].(map[string]any)["event"].(map[string]any)["id"]; id != blocked().ID {
		t.Errorf("event.id is %v", id)
	}
	cfg.Format = "cim"
	if err := sendTo(t, cfg, sample(blocked())); err != nil {
		t.Fatal(err)
	}
	event := c.taken()[2]["event"].(map[string]any)
	if event["action"] != "blocked" || event["dest"] != "graph.microsoft.com" || event["src"] != "10.0.0.7" || event["vendor_product"] != "tenantgate" {
		t.Errorf("CIM: %v", event)
	}
}

func TestSplunkSaysWhatIsWrong(t *testing.T) {
	unwanted := blocked()
	unwanted.Path = "/unwanted"
	for name, tt := range map[string]struct {
		token string
		busy  int
		batch []Line
		want  Failure
	}{
		"a wrong token":      {"other", 0, []Line{sample(blocked())}, Failure{Class: Settings, Index: -1}},
		"it is busy":         {"s3cr3t", 1, []Line{sample(blocked())}, Failure{Class: Retry, After: 3 * time.Second, Index: -1}},
		"an unwanted event":  {"s3cr3t", 0, []Line{sample(blocked()), sample(unwanted)}, Failure{Class: Poison, Index: 1}},
		"more than it takes": {"s3cr3t", 0, many(1500), Failure{Class: TooMuch, Index: -1}},
	} {
		server := httptest.NewServer(&collector{busy: tt.busy})
		err := sendTo(t, SinkConfig{Type: "splunk", URL: server.URL, Token: tt.token}, tt.batch...)
		server.Close()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		got := *failure(err)
		got.Err = nil
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if strings.Contains(err.Error(), tt.token) {
			t.Errorf("%s: the token is told: %v", name, err)
		}
	}
}

func many(n int) []Line {
	all := make([]Line, n)
	for i := range all {
		all[i] = sample(blocked())
	}
	return all
}

func TestSplunkIsAskedUntilTheEventsAreIndexed(t *testing.T) {
	c := &collector{acks: map[string]int{}, channel: true}
	server := httptest.NewServer(c)
	defer server.Close()
	cfg := SinkConfig{Type: "splunk", URL: server.URL, Token: "s3cr3t", Splunk: SplunkConfig{Acknowledge: true}}
	if err := sendTo(t, cfg, sample(blocked())); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for channel, asked := range c.acks {
		if asked != 3 {
			t.Errorf("asked %d times on %s", asked, channel)
		}
	}
}

// ingestion imitates the Logs Ingestion API with its limits: 1 MB a call,
// compressed and uncompressed, 32 KB a field, names of columns.
type ingestion struct {
	t       *testing.T
	path    string
	limited int // calls that get 429

	mu    sync.Mutex
	calls int
	rows  []map[string]any
}

var (
	columnName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,44}$`)
	reserved   = regexp.MustCompile(`(?i)^(tenantid|type|resource.*|subscriptionid)$`)
)

func (s *ingestion) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.calls <= s.limited {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if r.Header.Get("Authorization") != "Bearer t0ken" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.URL.Path != s.path || r.URL.RawQuery != "api-version=2023-01-01" || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	z, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, 1_000_000))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(io.LimitReader(z, 1_000_001))
	if len(body) > 1_000_000 || err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var rows []map[string]any
	if err := json.Unmarshal(body, &rows); err != nil {
		s.t.Errorf("%v", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, row := range rows {
		for column, value := range row {
			if !columnName.MatchString(column) || reserved.MatchString(column) {
				s.t.Errorf("%s cannot be a column", column)
			}
			if text, ok := value.(string); ok && len(text) > 32<<10 {
				s.t.Errorf("%s is longer than 32 KB", column)
			}
		}
	}
	s.rows = append(s.rows, rows...)
	w.WriteHeader(http.StatusNoContent)
}

// token is a credential of azcore that a test holds.
// token gives a token, on whatever goroutine asks, and keeps what for.
type token struct{ scope *atomic.Value }

func (c token) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.scope.Store(o.Scopes[0])
	return azcore.AccessToken{Token: "t0ken", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

const testRule = "dcr-0123456789abcdef0123456789abcdef"

func TestSentinelGetsRowsWithinItsLimits(t *testing.T) {
	server := &ingestion{t: t, path: "/dataCollectionRules/" + testRule + "/streams/Custom-TenantgateTenant_CL", limited: 1}
	srv := httptest.NewServer(server)
	defer srv.Close()
	made, err := newSink(SinkConfig{Name: "s", Type: "sentinel", URL: srv.URL, Sentinel: SentinelConfig{Rule: testRule}}, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	var scope atomic.Value
	s := made.(*Sentinel)
	s.credential = token{&scope}
	defer s.Close()
	err = s.Send(t.Context(), many(10))
	if f := failure(err); err == nil || f.Class != Retry || f.After != 30*time.Second {
		t.Fatalf("429 is %v", err)
	}
	batch := many(1500) // more than a megabyte
	batch[700] = sample(hostileEvent())
	if err := s.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if len(server.rows) != 1500 || server.calls < 3 || scope.Load() != "https://monitor.azure.com/.default" {
		t.Errorf("%d rows in %d calls, scope %v", len(server.rows), server.calls, scope.Load())
	}
	row := server.rows[0]
	for column, want := range map[string]any{
		"TimeGenerated": noon.UTC().Format("2006-01-02T15:04:05.000000Z"), "EventUid": blocked().ID, "EventSchema": "WebSession", "EventResult": "Failure",
		"DvcAction": "Deny", "SrcIpAddr": "10.0.0.7", "DstFQDN": "graph.microsoft.com", "HomeTenantId": home, "TargetTenantId": foreign,
		"TargetUserScopeId": foreign, "TargetUsername": "eve@fabrikam.com", "TargetUsernameType": "UPN", "SrcUsernameType": "Windows",
	} {
		if row[column] != want {
			t.Errorf("%s is %v, want %v", column, row[column], want)
		}
	}
}

// transport is a network in which a test answers.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestASecretThatEntraRefusesIsNotTold(t *testing.T) {
	const secret = "v3ry-s3cret"
	c := SinkConfig{Name: "s", Type: "sentinel", URL: "https://dce.example", Sentinel: SentinelConfig{
		Rule: testRule, Credential: "secret", Tenant: home, Client: foreign, Secret: secret,
	}}
	s, err := newSink(c, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32 // on whatever goroutine it is
	s.(*Sentinel).client.Transport = transport(func(r *http.Request) (*http.Response, error) {
		asked.Add(1)
		body := `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`
		return &http.Response{StatusCode: 401, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	err = s.Send(t.Context(), many(1))
	if err == nil || failure(err).Class != Settings || asked.Load() == 0 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	if strings.Contains(fmt.Sprint(err), secret) || strings.Contains(fmt.Sprint(err), "\n") {
		t.Errorf("told: %v", err)
	}
}

func TestASecretThatTheReceiverEchoesIsNotTold(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "you sent "+r.Header.Get("Authorization")+" and "+r.Header.Get("X-Key"), http.StatusForbidden)
	}))
	defer server.Close()
	c := SinkConfig{Type: "webhook", URL: server.URL + "/?sig=s3cr3t-too", Token: "s3cr3t", Headers: map[string]string{"X-Key": "k3y"}}
	err := sendTo(t, c, sample(blocked()))
	if err == nil || !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "k3y") {
		t.Errorf("told: %v", err)
	}
	server.Close()
	if err := sendTo(t, c, sample(blocked())); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("told: %v", err)
	}
}

func TestKafkaKeepsAClientsEventsInOrder(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "tenantgate.tenant", "tenantgate.access"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	var batch []Line
	for i := range 200 {
		e := blocked()
		e.Path = fmt.Sprintf("/%d", i)
		batch = append(batch, sample(e))
	}
	for _, k := range []KafkaConfig{{}, {Compression: "none", Idempotence: "off"}} {
		k.Brokers, k.Plaintext = cluster.ListenAddrs(), true
		if err := sendTo(t, SinkConfig{Type: "kafka", Kafka: k}, batch...); err != nil {
			t.Fatal(err)
		}
	}
	if err := sendTo(t, SinkConfig{Type: "kafka", Kafka: KafkaConfig{Brokers: cluster.ListenAddrs(), Plaintext: true}}, sample(forwarded())); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("tenantgate.tenant"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n := 0
	for n < 400 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			want := bytes.TrimSuffix(batch[n%200].JSON, []byte("\n"))
			if string(r.Key) != "10.0.0.7" || !bytes.Equal(r.Value, want) || len(r.Headers) != 2 {
				t.Errorf("record %d: key %s, %.200s", n, r.Key, r.Value)
			}
			n++
		})
	}
}

func TestATopicThatIsNotThereIsForSomebodyToMake(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	err = sendTo(t, SinkConfig{Type: "kafka", Kafka: KafkaConfig{Brokers: cluster.ListenAddrs(), Plaintext: true}}, sample(blocked()))
	if err == nil || failure(err).Class != Settings {
		t.Errorf("error %v", err)
	}
}

// Event Hubs takes a token of Entra's for the namespace in place of a password.
func TestEventHubsGetsATokenOfEntras(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "tenantgate.tenant"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	said := make(chan string, 100) // the cluster and we are never in step
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		said <- r.(*kmsg.SASLHandshakeRequest).Mechanism
		return r.ResponseKind(), nil, true
	})
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		said <- string(r.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)
		return r.ResponseKind(), nil, true
	})
	s, err := newSink(SinkConfig{Name: "hub", Type: "kafka", Kafka: KafkaConfig{
		Brokers: cluster.ListenAddrs(), Plaintext: true, Mechanism: "oauthbearer", Compression: "none", Idempotence: "off",
	}}, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	defer s.(io.Closer).Close()
	var scope atomic.Value
	s.(*Kafka).credential = token{&scope}
	send(t, s, sample(blocked()))
	if mechanism, message := <-said, <-said; mechanism != "OAUTHBEARER" || !strings.Contains(message, "auth=Bearer t0ken") {
		t.Errorf("said %q and %q", mechanism, message)
	}
	if scope.Load() != "https://127.0.0.1/.default" {
		t.Errorf("scope %v", scope.Load())
	}
}

func TestABrokerThatIsDownEndsTheAttemptInTime(t *testing.T) {
	s, err := newSink(SinkConfig{Name: "k", Type: "kafka", Kafka: KafkaConfig{Brokers: []string{"127.0.0.1:1"}, Plaintext: true}}, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, many(1)); err == nil || failure(err).Class != Retry {
		t.Errorf("error %v", err)
	}
	s.(io.Closer).Close()
}

func TestOTLPIsWhatTheProtocolsOwnTypesRead(t *testing.T) {
	var got logs.LogsData
	reject := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := protojson.Unmarshal(body, &got); err != nil || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		io.WriteString(w, `{"partialSuccess":{`+reject+`}}`)
	}))
	defer server.Close()
	c := SinkConfig{Type: "otlp", URL: server.URL}
	if err := sendTo(t, c, sample(blocked()), sample(hostileEvent())); err != nil {
		t.Fatal(err)
	}
	records := got.ResourceLogs[0].ScopeLogs[0].LogRecords
	first := records[0]
	if len(records) != 2 || first.EventName != "tenantgate.tenant" || first.SeverityNumber != logs.SeverityNumber_SEVERITY_NUMBER_ERROR ||
		first.TimeUnixNano != uint64(noon.Truncate(time.Microsecond).UnixNano()) || first.Body.GetStringValue()+"\n" != string(blocked().JSON(testObserver)) {
		t.Errorf("%v", first)
	}
	attributes := map[string]string{}
	for _, a := range first.Attributes {
		attributes[a.Key] = a.Value.GetStringValue()
	}
	if attributes["event.id"] != blocked().ID || attributes["server.address"] != "graph.microsoft.com" {
		t.Errorf("attributes %v", attributes)
	}
	for _, n := range []string{`"3"`, `3`} {
		reject = `"rejectedLogRecords":` + n + `,"errorMessage":"too old"`
		if err := sendTo(t, c, sample(blocked())); err == nil || failure(err).Class != Poison {
			t.Errorf("rejected records are %v", err)
		}
	}
}

func TestOCSFIsHTTPActivity(t *testing.T) {
	tunnel := examples["tunnel"]()
	for name, tt := range map[string]struct {
		e        *Event
		activity float64
		action   float64
	}{
		"blocked GET":    {blocked(), 3, 2},
		"forwarded POST": {forwarded(), 6, 1},
		"observed":       {examples["observed"](), 3, 3},
		"tunnel":         {tunnel, 1, 1},
		"hostile text":   {hostileEvent(), 3, 2},
	} {
		var o map[string]any
		if err := json.Unmarshal([]byte(render(t, renderings["ocsf"], tt.e)), &o); err != nil {
			t.Fatal(err)
		}
		if o["class_uid"] != 4002.0 || o["category_uid"] != 4.0 || o["activity_id"] != tt.activity || o["type_uid"] != 400200+tt.activity || o["action_id"] != tt.action {
			t.Errorf("%s: %v", name, o)
		}
		metadata := o["metadata"].(map[string]any)
		if metadata["version"] != "1.8.0" || metadata["uid"] != tt.e.ID || metadata["product"] == nil || o["severity_id"] == nil || o["dst_endpoint"] == nil || o["http_request"] == nil {
			t.Errorf("%s lacks something required: %v", name, o)
		}
	}
}

func TestSettingsOfSinksAreCheckedAllAtOnce(t *testing.T) {
	c := Config{Sync: "sometimes", Full: "x", Spool: SpoolConfig{MaxBytes: 5, MaxAge: time.Second}, Sinks: []SinkConfig{
		{Name: "a b", Type: "carrier-pigeon", Kinds: []string{"both"}},
		{Name: "w", Type: "webhook", URL: "http://siem.example/x", Token: "s3cr3t", Webhook: WebhookConfig{Framing: "x"}},
		{Name: "w", Type: "webhook", URL: "https://u:s3cr3t@siem.example"},
		{Name: "y", Type: "syslog", URL: "relp://x", Format: "ocsf", Syslog: SyslogConfig{Framing: "x", Facility: 99, Header: "x"}, Webhook: WebhookConfig{Framing: "lines"}},
		{Name: "h", Type: "splunk", URL: "https://x", Roots: "/does/not/exist"},
		{Name: "s", Type: "sentinel", URL: "https://x", Sentinel: SentinelConfig{Rule: "r", Credential: "password"}},
		{Name: "k", Type: "kafka", Kafka: KafkaConfig{Mechanism: "x", Compression: "x", Idempotence: "x"}},
		{Name: "o", Type: "otlp", URL: ""},
		{Name: "f", Type: "file", Format: "xml", File: FileConfig{Path: "x", MaxBytes: 1, Keep: -1, MaxAge: 1}},
		{Name: "c", Type: "stdout"},
		{Name: "g", Type: "file", File: FileConfig{Path: "/var/log/gate.jsonl"}},
		{Name: "i", Type: "file", File: FileConfig{Path: "/var/log/./gate.jsonl"}},
		{Name: "d", Type: "stdout"},
		{Name: "e", Type: "kafka", Kafka: KafkaConfig{Brokers: []string{"hub:9093"}, Mechanism: "oauthbearer", Azure: AzureConfig{Credential: "secret"}}},
	}}
	err := c.Check()
	var got []string
	for _, e := range setting.List(err) {
		one, ok := errors.AsType[*setting.Error](e)
		if !ok {
			t.Errorf("%v is not a setting's", e)
			continue
		}
		got = append(got, one.Path)
		if strings.Contains(one.Error(), "s3cr3t") {
			t.Errorf("a secret is told: %v", one)
		}
	}
	want := []string{
		"sync", "full", "spool.max_bytes", "spool.max_age",
		"sinks[0].name", "sinks[0].kinds[0]", "sinks[0].type",
		"sinks[1].url", "sinks[1].webhook.framing", "sinks[2].name", "sinks[2].url",
		"sinks[3].webhook", "sinks[3].format", "sinks[3].url", "sinks[3].syslog.framing", "sinks[3].syslog.facility", "sinks[3].syslog.header",
		"sinks[4].token", "sinks[4].roots", "sinks[5].sentinel.rule",
		"sinks[6].kafka.mechanism", "sinks[6].kafka.brokers", "sinks[6].kafka.compression", "sinks[6].kafka.idempotence", "sinks[7].url",
		"sinks[8].format", "sinks[8].file.path", "sinks[8].file.max_bytes", "sinks[8].file.keep", "sinks[8].file.max_age", "sinks[13].kafka.azure.secret", "sinks[12].type", "sinks[11].file.path",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if _, err := Open(c, t.TempDir(), testObserver); err == nil {
		t.Error("it opens all the same")
	}
	if hint := fmt.Sprint(err); !strings.Contains(hint, "known here: webhook, syslog, splunk, sentinel, kafka, otlp, file, stdout") {
		t.Errorf("the types are not listed: %v", hint)
	}
}
