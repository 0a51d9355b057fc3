package audit

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// people are the names in the event of somebody, one for each place that can
// hold one.
var people = []string{"ada-q7", "eve-q7", "mallory-q7", "grace-q7", "heidi-q7", "ivan-q7", "judy-q7"}

// somebody is an event that names all of them.
func somebody(kind Kind) *Event {
	e := blocked()
	e.Kind, e.ID = kind, NewID()
	e.Credentials[0].User = "eve-q7@fabrikam.com"
	e.User, e.SignIn = `CONTOSO\ada-q7`, SignIn{Flow: "login", Account: "mallory-q7@fabrikam.com"}
	e.Path = "/v1.0/users/grace-q7/personal/heidi-q7_contoso_com/messages/ivan-q7%2540contoso.com/x?judy=1"
	e.Links = []Link{{Kind: "guest", Resource: "/users/grace-q7", Target: "judy-q7@fabrikam.com"}}
	return e
}

// outlets opens a log that writes to every place that there is, and returns
// what all of them got when it is closed.
func outlets(t *testing.T, p PrivacyConfig, events ...*Event) map[string]string {
	t.Helper()
	dir, got := t.TempDir(), map[string]string{}
	var mu sync.Mutex
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, err = gunzip(body)
		}
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		got[r.Header.Get("X-Sink")] += string(body)
		mu.Unlock()
		io.WriteString(w, "{}")
	}))
	defer web.Close()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	hub, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "tenantgate.tenant", "tenantgate.access"))
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	cfg := Config{Privacy: p, Sinks: []SinkConfig{
		{Name: "kafka", Type: "kafka", Kafka: KafkaConfig{Brokers: hub.ListenAddrs(), Plaintext: true}},
		{Name: "splunk", Type: "splunk", Token: "t"}, {Name: "otlp", Type: "otlp"}, {Name: "sentinel", Type: "sentinel", Sentinel: SentinelConfig{Rule: testRule}},
	}}
	for _, format := range []string{"ecs", "ocsf", "asim", "cim"} {
		cfg.Sinks = append(cfg.Sinks, SinkConfig{Name: "webhook-" + format, Type: "webhook", Format: format})
	}
	for _, format := range []string{"ecs", "cef", "leef"} {
		cfg.Sinks = append(cfg.Sinks, SinkConfig{Name: "syslog-" + format, Type: "syslog", Format: format, URL: "udp://" + datagrams.LocalAddr().String()})
	}
	for _, format := range textFormats {
		cfg.Sinks = append(cfg.Sinks, SinkConfig{Name: "file-" + format, Type: "file", Format: format, File: FileConfig{Path: filepath.Join(dir, "file-"+format)}})
	}
	for i := range cfg.Sinks {
		c := &cfg.Sinks[i]
		c.Batch.Linger = 1
		if c.URL == "" && c.Type != "kafka" && c.Type != "file" {
			c.URL, c.Headers = web.URL, map[string]string{"X-Sink": c.Name}
		}
	}
	l, err := openLog(cfg, dir, testObserver, func(c SinkConfig, o Observer) (Sink, error) {
		s, err := newSink(c, o)
		if azure, ok := s.(*Sentinel); ok {
			azure.credential = token{new(atomic.Value)}
		}
		return s, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		keep(t, l, e)
	}
	for range 3 * len(events) { // of the three sinks that speak syslog
		b := make([]byte, maxFrame)
		n, _, err := datagrams.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		got["syslog"] += string(b[:n]) + "\n"
		mu.Unlock()
	}
	produced := consumed(t, hub, len(events))
	closeLog(t, l)
	web.Close()
	got["kafka"] = produced
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		got[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func consumed(t *testing.T, hub *kfake.Cluster, n int) (text string) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(hub.ListenAddrs()...), kgo.ConsumeTopics("tenantgate.tenant", "tenantgate.access"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for n > 0 {
		f := c.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) { text += string(r.Key) + string(r.Value) + "\n"; n-- })
	}
	return text
}

func TestIdentitiesAreNowhereUnlessTheyAreWanted(t *testing.T) {
	events := func() []*Event { return []*Event{somebody(Tenant), somebody(Access)} }
	plain := outlets(t, PrivacyConfig{}, events()...)
	for name, text := range plain {
		if !strings.Contains(text, "grace-q7") && len(text) > 0 && !strings.Contains(name, "cursor") && !strings.HasSuffix(name, "seq") && !strings.HasSuffix(name, "lock") {
			t.Errorf("%s does not have the name to begin with: %.300q", name, text)
		}
		if strings.Contains(text, "judy=1") {
			t.Errorf("%s has the query", name)
		}
	}
	for _, how := range []string{"hash", "drop"} {
		got := outlets(t, PrivacyConfig{Identities: how, Key: []byte("0123456789abcdef0123456789abcdef")}, events()...)
		if len(got) != len(plain) {
			t.Errorf("%s: %d outlets, want %d", how, len(got), len(plain))
		}
		for name, text := range got {
			for _, person := range people {
				if strings.Contains(strings.ToLower(text), person) {
					t.Errorf("%s: %s is in %s: %.2000s", how, person, name, text)
				}
			}
		}
	}
}

func TestOnePersonHasOneHashOnOneInstallation(t *testing.T) {
	hash := func(key, name string) string {
		e := &Event{User: name}
		PrivacyConfig{Identities: "hash", Key: []byte(key)}.Apply(e)
		return e.User
	}
	first := hash("k1", "Eve@Fabrikam.com")
	if first != hash("k1", " eve@fabrikam.COM") || !strings.HasPrefix(first, hashPrefix) || len(first) != len(hashPrefix)+32 {
		t.Errorf("hash %s", first)
	}
	if first == hash("k2", "Eve@Fabrikam.com") || first == hash("k1", "eva@fabrikam.com") {
		t.Error("two installations, or two people, have one hash")
	}
	if first := hash("", "eve"); first == hash("", "eve") {
		t.Error("without a key anybody can look a hash up")
	}
	if hash("k1", "") != "" {
		t.Error("nobody has a hash")
	}
}

// What a caller shares with others is not changed under their hands.
func TestPrivacyLeavesSharedListsAlone(t *testing.T) {
	list := []Credential{{User: "eve"}}
	links := []Link{{Target: "eve@fabrikam.com"}}
	PrivacyConfig{Identities: "drop"}.Apply(&Event{Credentials: list, Links: links})
	if list[0].User != "eve" || links[0].Target != "eve@fabrikam.com" {
		t.Errorf("%v %v", list, links)
	}
}

func TestPrivacyCanBeChangedWhileTheLogIsOpen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{}, dir)
	for _, how := range []string{"drop", "keep"} {
		l.UsePrivacy(PrivacyConfig{Identities: how})
		keep(t, l, blocked())
	}
	closeLog(t, l)
	events, err := audittest.Read(filepath.Join(dir, "events.jsonl"))
	if err != nil || len(events) != 2 || events[0].User != nil || events[1].User == nil {
		t.Errorf("%v, %v", events, err)
	}
}

func TestSegmentsThatNameNobodyStay(t *testing.T) {
	p := newPrivacy(PrivacyConfig{Identities: "drop"})
	for path, want := range map[string]string{
		"":                                "",
		"/v1.0/me/messages":               "/v1.0/me/messages",
		"/v1.0/users/eve":                 "/v1.0/users/***",
		"/v1.0/Users/":                    "/v1.0/Users/",
		"/users('eve@x')/mail":            "/***/mail",
		"/personal/eve_x_com/Documents/a": "/personal/***/Documents/a",
		"/a/%2540/b":                      "/a/***/b",
		"users":                           "users",
	} {
		if got := p.path(path); got != want {
			t.Errorf("%q becomes %q, want %q", path, got, want)
		}
	}
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
