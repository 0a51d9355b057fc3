package audit

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ocsfSchema is OCSF 1.8.0 as a JSON schema.
func ocsfSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("testdata/ocsf-1.8.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkOCSF renders an event and holds it against the schema.
func checkOCSF(t testing.TB, s *jsonschema.Schema, line []byte) map[string]any {
	t.Helper()
	b, err := renderings["ocsf"](nil, line)
	if err != nil {
		t.Fatal(err)
	}
	o, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(o); err != nil {
		t.Fatalf("%s\n%v", b, err)
	}
	m := o.(map[string]any)
	class, _ := m["class_uid"].(json.Number).Int64()
	activity, _ := m["activity_id"].(json.Number).Int64()
	if kind, _ := m["type_uid"].(json.Number).Int64(); kind != class*100+activity {
		t.Errorf("type_uid %d of class %d, activity %d", kind, class, activity)
	}
	return m
}

func TestEveryEventIsValidOCSF(t *testing.T) {
	s := ocsfSchema(t)
	for name, example := range examples {
		t.Run(name, func(t *testing.T) { checkOCSF(t, s, line(example())) })
	}
	for name, e := range map[string]*Event{
		"hostile text":          hostileEvent(),
		"nothing known":         {Kind: Access, Verdict: "forward"},
		"a method of nobody":    {Kind: Access, Verdict: "forward", Method: "BREW", Host: "a.example"},
		"an account, no person": {Kind: Tenant, Verdict: "forward", Host: "a.example", AccountTenant: foreign},
		"a port and no address": {Kind: Access, Verdict: "tunnel", Port: 443},
	} {
		t.Run(name, func(t *testing.T) { checkOCSF(t, s, e.JSON(testObserver)) })
	}
}

// What OCSF has no class for is not dressed up as a request.
func TestAnEventAboutTheLogIsNoHTTPActivity(t *testing.T) {
	m := checkOCSF(t, ocsfSchema(t), shedEvent(5).JSON(testObserver))
	if m["class_uid"] != json.Number("0") || m["activity_name"] != "access-events-shed" {
		t.Errorf("it is %v", m)
	}
}

func FuzzOCSFIsValidWhateverAClientSends(f *testing.F) {
	f.Add("GET", "graph.microsoft.com", "/v1.0/me", "curl", "ada", 443, 200)
	f.Add("", "", "", "", "", 0, 0)
	f.Add("BREW", "a b", "//", "\xff", "a\\b", 70000, -1)
	s := ocsfSchema(f)
	f.Fuzz(func(t *testing.T, method, host, path, agent, user string, port, status int) {
		e := forwarded()
		e.Method, e.Host, e.Path, e.UserAgent, e.User, e.Port, e.Status = method, host, path, agent, user, uint16(port), status
		checkOCSF(t, s, e.JSON(testObserver))
	})
}
