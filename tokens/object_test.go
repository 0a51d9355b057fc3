package tokens

import (
	"encoding/base64"
	"testing"
)

// Entra's settings name users by their object: that in the tenant signed in
// to, and for guests the one in the tenant they come from.
func TestATokenTellsWhichObjectItsAccountIs(t *testing.T) {
	const (
		here  = "aaaaaaaa-0000-4000-8000-000000000001"
		there = "aaaaaaaa-0000-4000-8000-000000000002"
		ours  = "11111111-1111-1111-1111-111111111111"
		other = "33333333-3333-3333-3333-333333333333"
	)
	for _, tt := range []struct{ claims, object, home string }{
		{`{"tid":"` + ours + `","oid":"` + here + `"}`, here, here},
		{`{"tid":"` + other + `","idp":"https://sts.windows.net/` + ours + `/","oid":"` + there + `"}`, there, ""},
		{`{"tid":"` + other + `","idp":"https://sts.windows.net/` + ours + `/","oid":"` + there + `","home_oid":"` + here + `"}`, there, here},
		{`{"tid":"` + ours + `"}`, "", ""},
		{`{"tid":"` + ours + `","oid":"mallory"}`, "", ""},
		{`{"tid":"` + ours + `","oid":"AAAAAAAA-0000-4000-8000-000000000001"}`, here, here},
	} {
		part := base64.RawURLEncoding.EncodeToString
		got := Parse(part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(tt.claims)) + ".c2ln")
		if got.Object != tt.object || got.HomeObject != tt.home {
			t.Errorf("%s: object %q, at home %q", tt.claims, got.Object, got.HomeObject)
		}
	}
	found := issued{info: base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + here + `","utid":"` + ours + `"}`))}
	if home, uid := found.home(); home != ours || uid != here {
		t.Errorf("client_info: %s of %s", uid, home)
	}
	found.info = base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"mallory","utid":"` + ours + `"}`))
	if _, uid := found.home(); uid != "" {
		t.Errorf("client_info: %q is no object", uid)
	}
}

func TestTheMembersOfAnObjectAreItsOwn(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "", ` { } `: "", `{"a":1}`: "a=1 ", `{"a":{"b":[1,{}]},"c":[],"d":"}"}`: `a={"b":[1,{}]} c=[] d="}" `, "\t{\r\n\"a\" : -1.5e3 , \"a\":null\n}\n": "a=-1.5e3 a=null ",
		`{"\u0061":"\"","":true}`: `a="\"" =true `,
	} {
		got := ""
		for name, value := range members([]byte(text)) {
			got += name + "=" + string(value) + " "
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for name := range members([]byte(`{"a":1,"b":2}`)) {
		if name != "a" {
			t.Errorf("%s behind the one that was enough", name)
		}
		break
	}
}

func TestDepthIsWhatStandsInsideEachOther(t *testing.T) {
	for text, want := range map[string]int{`1`: 0, `"{[\"["`: 0, `{}`: 1, `[[],[]]`: 2, `{"a":[{}],"b":{}}`: 3, `{"[":"["}`: 1} {
		if got := depth([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
