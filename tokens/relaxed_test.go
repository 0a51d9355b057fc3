package tokens

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestADeploymentAsAzureCLISendsItIsRead(t *testing.T) {
	const validate = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/deployments/d/validate"
	f, err := New(Config{}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	body := "{\"properties\": {\"mode\": \"Incremental\", \"parameters\": {}, template:{\n // a network\n \"resources\": [ /* none */ ],\n 'outputs': {'it''s': 1},}}}"
	for url, wrong := range map[string]bool{validate: false, "https://management.azure.com/providers/Microsoft.Other/x": true} {
		r, err := http.NewRequest("POST", url, strings.NewReader(strings.Replace(body, "'it''s'", `'it\'s "it"'`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		found, err := f.Find(nil, "management.azure.com", r)
		if len(found) > 0 || (err != nil) != wrong {
			t.Errorf("%s: %d found, %v", url, len(found), err)
		}
	}
}

func TestWhatIsRewrittenSaysTheSame(t *testing.T) {
	for text, want := range map[string]string{
		`{a:1}`:                           `{"a":1}`,
		`{'a':'b"c\'d'}`:                  `{"a":"b\"c'd"}`,
		`{"a":"// no /* comment */",}`:    `{"a":"// no /* comment */"}`,
		"/*x*/{//y\n\"a\" /*z*/:[1,2,],}": `{"a":[1,2]}`,
		"{\"a\":\"b\nc\"}":                `{"a":"b\nc"}`,
		`{"access_token":'x'}`:            `{"access_token":"x"}`,
		`{$a:1,b_c:2,d.e:3,f-g:4,h+i:5}`:  `{"$a":1,"b_c":2,"d.e":3,"f-g":4,"h+i":5}`,
		"{a :1,b\t:2,c\n:3,d\r\n:4}":      `{"a":1,"b":2,"c":3,"d":4}`,
		"{z:1,Z:2,A:3,a0:4,a9:5}":         `{"z":1,"Z":2,"A":3,"a0":4,"a9":5}`,
		"{'a':'\x1f\x00 !'}":              `{"a":"\u001f\u0000 !"}`,
		`{'a':'\\','b':'\u0041\n'}`:       `{"a":"\\","b":"A\n"}`,
		`{'a':'b\"c','d':"it's"}`:         `{"a":"b\"c","d":"it's"}`,
		`{/**/"a"/**/:1}`:                 `{"a":1}`,
		`{"a":1},`:                        "",
		`{"a":1} // the end`:              `{"a":1}`,
		`{"a":1} /* the end */`:           `{"a":1}`,
		`{"a":1} /* no end`:               "", `{"a":1} / x`: "", "{a@b:1}": "", "{a[:1}": "", "{a{:1}": "", "{a`:1}": "",
		`{"a":1`: "", `{a b:1}`: "", `{"a":'}`: "", `{"a"/1}`: "", `{"a":1,,"b":2}`: "", "<x/>": "", `{a:b}`: "",
	} {
		got, ok := strict([]byte(text))
		if ok != (want != "") {
			t.Errorf("%s: %s, %v", text, got, ok)
			continue
		}
		if !ok {
			continue
		}
		var a, b any
		if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
			t.Errorf("%s: %s", text, got)
			continue
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Errorf("%s: got %s, want %s", text, x, y)
		}
	}
}

func FuzzStrict(f *testing.F) {
	f.Add([]byte(`{a:'b',/*c*/"d":[1,],}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := strict(text)
		if ok && !json.Valid(got) {
			t.Errorf("%q became %q", text, got)
		}
		if json.Valid(text) && !ok {
			t.Errorf("%q is JSON and was refused", text)
		}
	})
}
