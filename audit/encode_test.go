package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

const (
	home    = "11111111-1111-1111-1111-111111111111"
	foreign = "33333333-3333-3333-3333-333333333333"
)

var noon = time.Date(2026, 11, 21, 20, 0, 0, 123456789, time.FixedZone("CET", 3600))

// blocked is the event of CONTRACT.md.
func blocked() *Event {
	return &Event{
		Kind: Tenant, Time: noon, ID: "01936e5a-0000-7000-8000-000000000001",
		Action: "request-blocked", Denied: true, Reason: "external-account",
		Source: netip.MustParseAddrPort("10.0.0.7:50123"), User: "CONTOSO\\ada",
		Host: "graph.microsoft.com", Port: 443, Scheme: "https", Path: "/v1.0/me", Method: "GET",
		UserAgent: "curl/8.5.0",
		Plane:     "data", Mode: "enforce", Verdict: "block", Relation: "external",
		HomeTenant: home, ResourceTenant: foreign, AccountTenant: foreign,
		Credentials: []Credential{{
			Place: "authorization", Kind: "jwt", Tenant: foreign, App: "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
			User: "eve@fabrikam.com", Digest: "5f2b0c9d4a7e1830",
		}},
	}
}

// forwarded is an access event with every field.
func forwarded() *Event {
	return &Event{
		Kind: Access, Time: noon, ID: "01936e5a-0000-7000-8000-000000000002",
		Action: "request-forwarded", Reason: "home-account",
		Source: netip.MustParseAddrPort("[fe80::1%eth0]:50123"),
		Host:   "graph.microsoft.com", Addr: "20.190.128.1", Port: 443, Scheme: "https", Path: "/v1.0/me",
		Method: "POST", Version: "2", UserAgent: "Mozilla/5.0", RequestID: "b2f0e3c2-4c5a-4c43-9f0e-0f5f2a7f2c11",
		Status: 200, BytesIn: 321, BytesOut: 65432, Duration: 12345678, TLSVersion: "1.3",
		Plane: "data", Mode: "enforce", Verdict: "forward", Relation: "home",
		HomeTenant: home, ResourceTenant: home, AccountTenant: home,
		For: "01936e5a-0000-7000-8000-000000000001",
	}
}

var examples = map[string]func() *Event{
	"request-blocked":   blocked,
	"request-forwarded": forwarded,
	"observed": func() *Event {
		e := blocked()
		e.Action, e.Denied, e.Verdict, e.Mode, e.Observed = "request-forwarded", false, "forward", "observe", true
		return e
	},
	"sign-in": func() *Event {
		e := blocked()
		e.Category = []string{"network", "web", "authentication"}
		e.Action, e.Denied, e.Unknown, e.Reason = "request-forwarded", false, true, "sign-in"
		e.Host, e.Path, e.Plane, e.Verdict, e.Relation = "login.microsoftonline.com", "/common/oauth2/v2.0/authorize", "auth", "forward", "none"
		e.ResourceTenant, e.ResourceDomain, e.AccountTenant, e.Credentials = "", "fabrikam.com", "", nil
		e.Tags, e.ClientTags = []string{"sec-Restrict-Tenant-Access-Policy"}, []string{"Restrict_Access-To-Tenants"}
		return e
	},
	"entra-blocked": func() *Event {
		e := forwarded()
		e.Category = []string{"network", "web", "authentication"}
		e.Action, e.Reason, e.Relation, e.Plane = "request-tagged", "sign-in", "none", "auth"
		e.Host, e.Path = "login.microsoftonline.com", "/fabrikam.com/oauth2/v2.0/token"
		e.ResourceTenant, e.AccountTenant, e.Status = "", "", 400
		e.SignIn = SignIn{
			Account: "eve@fabrikam.com", Tenant: "fabrikam.com", App: "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
			AppName: "Azure CLI", Flow: "password", Attempt: e.RequestID,
		}
		e.Entra = Entra{Code: "5000211", RequestID: "0a1b2c3d-0000-4000-8000-000000000001", CorrelationID: e.RequestID, Blocked: true}
		return e
	},
	"tunnel": func() *Event {
		return &Event{
			Kind: Access, Time: noon, ID: "01936e5a-0000-7000-8000-000000000003", Action: "connection-tunnelled",
			Reason: "unlisted-host", Source: netip.MustParseAddrPort("[::ffff:10.0.0.7]:50124"),
			Host: "example.org", Addr: "2001:db8::1", Port: 443, Method: "CONNECT", Plane: "other", Mode: "enforce",
			Verdict: "tunnel", Relation: "none", HomeTenant: home, BytesIn: 517, BytesOut: 4096,
			Duration: time.Second, Close: "idle",
		}
	},
	"shed": func() *Event {
		e := shedEvent(1234)
		e.Time, e.ID = noon, "01936e5a-0000-7000-8000-000000000004"
		return e
	},
	"hostile": func() *Event {
		e := blocked()
		e.User = "ada\r\n{\"event\":{}}"
		e.Host = "evil\x1b]0;owned\x07.example"
		e.Path = "/\u202egpj.exe\u2028/\xff\xfe/\x00\x7f\u0085?code=0.AXoA"
		e.UserAgent = strings.Repeat("A", 600)
		e.Credentials[0].User = "eve\u200b@\ue000\U000e0041fabrikam.com"
		return e
	},
}

var testObserver = Observer{Hostname: "gate-1", Version: "1.0.0"}

// line encodes e as the log would.
func line(e *Event) []byte {
	r := newRecord()
	r.encode(e, appendObserver(nil, testObserver), 90*time.Second)
	r.seq = 42
	return r.appendTo(nil)
}

func TestEventsHaveTheShapeOfTheContract(t *testing.T) {
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			got := line(example())
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			if _, err := audittest.Parse(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// testdata/contract.json is the example of the contract, with its ellipses
// filled in; every key of it is in every event.
func TestEveryFieldOfTheContractIsAlwaysThere(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract map[string]any
	if err := json.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*Event{
		"blocked": blocked(),
		"empty but for the person and the address": {
			User: "ada", Source: netip.MustParseAddrPort("10.0.0.7:1"), Credentials: []Credential{{}},
		},
	} {
		var got map[string]any
		if err := json.Unmarshal(line(e), &got); err != nil {
			t.Fatal(err)
		}
		for _, path := range missing("", contract, got) {
			t.Errorf("%s: no %s", name, path)
		}
	}
}

// missing returns the paths in want that got has not, or has as another type.
func missing(path string, want, got any) (paths []string) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{path}
		}
		for key, value := range want {
			paths = append(paths, missing(path+"."+key, value, object[key])...)
		}
	case []any:
		list, ok := got.([]any)
		if !ok {
			return []string{path}
		}
		for i := range min(len(want), len(list)) {
			paths = append(paths, missing(fmt.Sprintf("%s[%d]", path, i), want[i], list[i])...)
		}
	default:
		if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			return []string{path}
		}
	}
	return paths
}

// Parts that most events do not have are left out where they are empty.
func TestEveryFieldOfAPartBringsThePart(t *testing.T) {
	without := string(line(blocked()))
	for _, part := range []string{"DNS", "OriginTLS", "Mailbox", "SignIn", "Entra"} {
		for i := range reflect.ValueOf(Event{}).FieldByName(part).NumField() {
			e := blocked()
			f := reflect.ValueOf(e).Elem().FieldByName(part).Field(i)
			switch f.Kind() {
			case reflect.String:
				f.SetString("x")
			case reflect.Bool:
				f.SetBool(true)
			default:
				t.Fatalf("field %d of %s has no value to test with: give it one", i, part)
			}
			if string(line(e)) == without {
				t.Errorf("field %d of %s alone is left out", i, part)
			}
		}
	}
}

// What an encoder remembers of the event before shows in no line.
func TestAnEventIsWrittenAsIfItWereTheFirst(t *testing.T) {
	events := []*Event{{}}
	for _, example := range examples {
		events = append(events, example())
	}
	for _, s := range append(seeds, strings.Repeat("a", 200), strings.Repeat("a", 300)) {
		for _, field := range []func(*Event) *string{
			func(e *Event) *string { return &e.Plane }, func(e *Event) *string { return &e.Mode },
			func(e *Event) *string { return &e.Verdict }, func(e *Event) *string { return &e.Reason },
			func(e *Event) *string { return &e.Relation }, func(e *Event) *string { return &e.Rule },
			func(e *Event) *string { return &e.HomeTenant },
		} {
			e, observed := blocked(), blocked()
			*field(e), *field(observed), observed.Observed = s, s, true
			events = append(events, e, observed, e)
		}
	}
	r, observer := newRecord(), appendObserver(nil, testObserver)
	for _, e := range events {
		first := newRecord()
		first.encode(e, observer, time.Second)
		for range 2 {
			r.encode(e, observer, time.Second)
			if diff := cmp.Diff(string(first.b), string(r.b)); diff != "" || r.seqAt != first.seqAt {
				t.Fatalf("after another event (-first +got):\n%s", diff)
			}
		}
	}
}

// A line that was too long is written anew, with less of everything.
func TestALineThatIsTooLongRemembersNothingOfItsFirstWriting(t *testing.T) {
	e := blocked()
	e.Plane = strings.Repeat("a", 200)
	for range 32 {
		e.Tags = append(e.Tags, strings.Repeat("\x01", 256))
	}
	if got := line(e); !strings.Contains(string(got), `"plane":"`+e.Plane[:64]+`"`) {
		t.Errorf("the plane is not cut: %s", got)
	}
}

func TestAnEventComesBackAsItWas(t *testing.T) {
	got, err := audittest.Parse(line(forwarded()))
	if err != nil {
		t.Fatal(err)
	}
	want := audittest.Line{
		Timestamp: time.Date(2026, 11, 21, 19, 0, 0, 123456000, time.UTC),
		ECS:       audittest.ECS{Version: "9.4.0"},
		Event: audittest.Event{
			ID: "01936e5a-0000-7000-8000-000000000002", Kind: "event", Category: []string{"network", "web"},
			Type: []string{"access", "allowed"}, Action: "request-forwarded", Outcome: "success", Reason: "home-account", Duration: 12345678,
		},
		Observer:    audittest.Observer{Vendor: "tenantgate", Product: "tenantgate", Type: "proxy", Hostname: "gate-1", Version: "1.0.0"},
		Source:      audittest.Endpoint{IP: "fe80::1", Port: 50123, Bytes: 321},
		Destination: audittest.Endpoint{Domain: "graph.microsoft.com", IP: "20.190.128.1", Port: 443, Bytes: 65432},
		URL:         audittest.URL{Scheme: "https", Domain: "graph.microsoft.com", Path: "/v1.0/me"},
		HTTP: audittest.HTTP{
			Request:  audittest.HTTPRequest{Method: "POST", ID: "b2f0e3c2-4c5a-4c43-9f0e-0f5f2a7f2c11"},
			Response: audittest.HTTPResponse{StatusCode: 200}, Version: "2",
		},
		UserAgent: audittest.UserAgent{Original: "Mozilla/5.0"},
		TLS:       &audittest.TLS{Version: "1.3"},
		Tenantgate: &audittest.Tenantgate{
			Kind: "access", Seq: 42, Plane: "data", Mode: "enforce", Verdict: "forward", Reason: "home-account", Relation: "home",
			HomeTenant: home, ResourceTenant: home, AccountTenant: home,
			Credentials: []audittest.Credential{}, Tags: []string{}, ClientTags: []string{},
			Completes: "01936e5a-0000-7000-8000-000000000001", Uptime: 90 * time.Second,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoLineIsLongerThan32KiB(t *testing.T) {
	for name, c := range map[string]string{"control": "\x01", "invalid": "\xff", "bidi": "\u202e", "tag": "\U000e0041", "quote": `"`, "letter": "a"} {
		t.Run(name, func(t *testing.T) {
			s := strings.Repeat(c, 1<<20/len(c))
			e := &Event{
				ID: s, Category: []string{s, s, s, s}, Type: []string{s, s, s, s}, Action: s, Reason: s,
				Source: netip.MustParseAddrPort("[2001:db8::1]:65535"), User: s, Host: s, Addr: s, Scheme: s, Path: s, Method: s,
				Version: s, UserAgent: s, RequestID: s, Status: 1 << 30, BytesIn: 1 << 62, BytesOut: 1 << 62, Duration: 1 << 62,
				TLSVersion: s, Plane: s, Mode: s, Verdict: s, Relation: s, HomeTenant: s, ResourceTenant: s, ResourceDomain: s,
				AccountTenant: s, Close: s, For: s, Count: 1 << 63,
				SignIn: SignIn{s, s, s, s, s, s, s}, Entra: Entra{s, s, s, true},
			}
			for range 1000 {
				e.Credentials = append(e.Credentials, Credential{s, s, s, s, s, s, true, s})
				e.Tags, e.ClientTags = append(e.Tags, s), append(e.ClientTags, s)
			}
			r := newRecord()
			r.encode(e, appendObserver(nil, Observer{Hostname: s, Version: s}), 1<<62)
			r.seq = 1<<64 - 1
			got := r.appendTo(nil)
			if len(got) > maxLine {
				t.Errorf("%d bytes", len(got))
			}
			l, err := audittest.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if !l.Tenantgate.Truncated || len(l.Tenantgate.Credentials) == 0 {
				t.Errorf("truncated = %v, %d credentials", l.Tenantgate.Truncated, len(l.Tenantgate.Credentials))
			}
		})
	}
}

func TestAHostileLineIsOneLineOfPlainText(t *testing.T) {
	got := line(examples["hostile"]())
	if n := bytes.IndexByte(got, '\n'); n != len(got)-1 {
		t.Errorf("newline at %d of %d", n, len(got))
	}
	for _, r := range string(got[:len(got)-1]) {
		if r == utf8.RuneError || hidden(r) && r >= 0x7f || r < ' ' {
			t.Errorf("%U stands unescaped in %s", r, got)
		}
	}
	l, err := audittest.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	want := []audittest.InvalidUTF8{{Field: "url.path", Hex: fmt.Sprintf("%x", "/\u202egpj.exe\u2028/\xff\xfe/\x00\x7f\u0085")}}
	if diff := cmp.Diff(want, l.Tenantgate.InvalidUTF8); diff != "" {
		t.Errorf("original of the path (-want +got):\n%s", diff)
	}
	if !l.Tenantgate.Truncated {
		t.Error("a user agent of 600 bytes is not marked as truncated")
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	e, r, o := blocked(), newRecord(), appendObserver(nil, testObserver)
	if n := testing.AllocsPerRun(100, func() { r.encode(e, o, time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
