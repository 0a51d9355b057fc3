package config

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/setting"
)

const located = `tenant:
  id: 11111111-1111-1111-1111-111111111111
  policy: 22222222-2222-2222-2222-222222222222
policy:
  default: {outbound: perhaps}
  partners:
    - tenant: fabrikam
      outbound: allow
    - tenant: 33333333-3333-3333-3333-333333333333
tokens:
  hosts: ["*.com", files.contoso.com]
events:
  sinks:
    - name: siem
      type: splunk
upstream:
  parent: http://user:${env:TENANTGATE_TEST_SECRET}@proxy:3128
`

func TestProblemsOfOtherPackagesStandAtTheirSetting(t *testing.T) {
	setSecrets(t)
	f, err := Parse("tenantgate.yaml", []byte(located))
	broken := errors.New("disk on fire")
	err = f.Locate(errors.Join(
		err,
		setting.In("events", setting.Errorf("sinks[0].url", "write https://siem:8088", "is missing")),
		setting.In("policy", errors.Join(
			setting.Errorf("partners[1].applications[0]", "", "is no GUID"),
			setting.Errorf("partners[0].tenant", "a GUID or a domain", "%q is neither", "fabrikam"),
			setting.Errorf("default.outbound", "write allow or block", "%q is not a choice", "perhaps"),
		)),
		setting.In("tokens", setting.Errorf("hosts[0]", "", "a whole top-level domain is too wide")),
		setting.In("upstream", setting.Errorf("parent", "", "cannot dial http://user:%s@proxy:3128", secretValue)),
		setting.In("nowhere", setting.Errorf("at.all", "", "is a stranger")),
		broken,
	))
	problems, ok := errors.AsType[*Problems](err)
	if !ok || !errors.Is(err, broken) {
		t.Fatalf("Locate = %v", err)
	}
	golden(t, "testdata/locate.golden", err.Error()+"\n")
	var plain, coloured strings.Builder
	if err := errors.Join(problems.Print(&plain, Plain), problems.Print(&coloured, Coloured)); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/print.golden", plain.String())
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[31m^") {
		t.Errorf("colours only when asked for: plain %q, coloured %q", plain.String(), coloured.String())
	}
	if both := plain.String() + coloured.String(); strings.Contains(both, secretValue) {
		t.Error("a secret is told")
	}
}

func TestASecretIsNotToldInAnySpelling(t *testing.T) {
	const odd = "pass\"word\\1"
	t.Setenv("TENANTGATE_TEST_ODD", odd)
	f, err := Parse("f.yaml", []byte("tenant:\n  id: "+sampleID+"\n  policy: "+samplePolicy+"\nevents:\n  file: ${env:TENANTGATE_TEST_ODD}\n"))
	if err != nil || f.Events.File != odd {
		t.Fatalf("events.file = %q, %v", f.Events.File, err)
	}
	err = f.Locate(errors.Join(
		setting.In("events", setting.Errorf("file", "", "cannot write %q", odd)),
		setting.In("events", setting.Errorf("sinks", "", "cannot write %s", odd)),
	))
	if want := "f.yaml:4:1: events.sinks: cannot write ***\nf.yaml:5:9: events.file: cannot write \"***\""; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestNothingToLocateIsNoError(t *testing.T) {
	f := Default()
	if err := f.Locate(nil); err != nil {
		t.Errorf("Locate(nil) = %v", err)
	}
	f, _ = Parse("f.yaml", []byte("mode: observe\ntokens:\n  hosts: [a.example]\n"))
	if err := f.Locate(Problem{Path: "tokens.hosts", What: "is odd"}); err == nil || err.Error() != "f.yaml:3:10: tokens.hosts: is odd" {
		t.Errorf("Locate = %v", err)
	}
	f = Default()
	if err := f.Locate(setting.Errorf("tenant.id", "", "is missing")); err == nil || err.Error() != "tenant.id: is missing" {
		t.Errorf("Locate = %v", err)
	}
}

func TestSecretsInTheFileAreNotInExcerpts(t *testing.T) {
	for line, want := range map[string]string{
		`  parent: http://user:hunter2@proxy`: `  parent: http://***@proxy`,
		`  token: abc`:                        `  token: ***`,
		`  {type: splunk, api_key: abc}`:      `  {type: splunk, api_key: ***`,
		`  "client_secret": "abc" # x`:        `  "client_secret": ***`,
		`tokens:`:                             `tokens:`,
		"\x1b[2J\tid: x":                      "?[2J id: x",
	} {
		if got := printable(line); got != want {
			t.Errorf("printable(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestProblemsAreJSON(t *testing.T) {
	_, err := Parse("f.yaml", []byte("tenant:\n  id: contoso.com\n  policy: "+samplePolicy+"\n"))
	problems, _ := errors.AsType[*Problems](err)
	got, err := json.Marshal(problems.All)
	want := `[{"file":"f.yaml","line":2,"column":7,"path":"tenant.id","what":"\"contoso.com\" is a domain, want a directory ID","hint":"find it in Entra \u003e Overview"}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// object is the part of a JSON Schema that the tests read.
type object struct {
	Properties map[string]*object
	Items      *object
	Enum       []string
	Ref        string             `json:"$ref"`
	Defs       map[string]*object `json:"$defs"`
}

func (o *object) walk(path string, yield func(path string, o *object)) {
	for key, p := range o.Properties {
		yield(below(path, key), p)
		p.walk(below(path, key), yield)
	}
	if o.Items != nil {
		o.Items.walk(path+"[]", yield)
	}
}

func TestSchemaForEditorsHasTheKeysOfTheProgram(t *testing.T) {
	var root object
	if err := json.Unmarshal([]byte(JSONSchema()), &root); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	paths(reflect.TypeFor[File](), "", func(p string) { want = append(want, p) })
	root.walk("", func(p string, o *object) {
		got = append(got, p)
		if words, ok := choices[p]; ok && !slices.Equal(words, o.Enum) {
			t.Errorf("%s: schema.json has %v, the program %v", p, o.Enum, words)
		}
	})
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config/schema.json lacks (-) or has too many (+) keys:\n%s", diff)
	}
	if words := choicesOf(reflect.TypeOf(Default().Policy.Default.Keys), ""); !slices.Equal(words, root.Defs["setting"].Enum) {
		t.Errorf("setting: schema.json has %v, the program %v", root.Defs["setting"].Enum, words)
	}
}

func TestReferenceNamesEveryKey(t *testing.T) {
	paths(reflect.TypeFor[File](), "", func(p string) {
		key := p[strings.LastIndexByte(p, '.')+1:]
		if strings.Contains(p, "sinks[]") {
			return // each kind of sink has keys of its own; docs/configuration.md has them
		}
		if !strings.Contains(Reference(), key+":") {
			t.Errorf("config/reference.yaml does not name %s", p)
		}
	})
}

func TestListenersClashOnlyWhereTheyMeet(t *testing.T) {
	for _, tt := range []struct {
		proxy, admin string
		clash        bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", true},
		{"127.0.0.1:8080", "127.0.0.2:8080", false},
		{"0.0.0.0:8080", "127.0.0.1:8080", true},
		{":8080", "[::1]:8080", true},
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{"[::ffff:127.0.0.1]:8080", "127.0.0.1:8080", true},
		{"[::1]:8080", "[0:0::1]:8080", true},
		{"LOCALHOST:8080", "localhost:8080", true},
		{"127.0.0.1:8080", "127.0.0.1:9090", false},
	} {
		f := Default()
		f.Listen.Proxy, f.Listen.Admin = tt.proxy, tt.admin
		d := newDocument("f", "")
		d.checkListen(f.Listen)
		if clash := len(d.problems) > 0; clash != tt.clash {
			t.Errorf("%s and %s: %v, want clash %v", tt.proxy, tt.admin, d.problems, tt.clash)
		}
	}
}

func TestNoSecretFromAPipe(t *testing.T) {
	_, err := Parse("f", []byte("state: ${file:"+os.DevNull+"}\n"))
	if err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("Parse = %v", err)
	}
}
