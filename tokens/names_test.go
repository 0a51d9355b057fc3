package tokens

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// always carry a credential, whatever it looks like; sometimes carries one if
// it has a token's shape. A reviewer signs these lists.
const (
	always    = "access_token bearer_token tempauth"
	sometimes = `token id_token authToken authentication_token authorization auth bearer jwt x-access-token assertion subject_token actor_token
user_token skypetoken x-skypetoken aad_token graph_token refresh_token session_token app_token ticket`
	never = "q !token token! %80token state code nonce session_state login_hint id tok tokens accesstokens xtoken a access_token2 tempauthx z {x} _ - 0token abcdefghijklmnopqrstuvwxyzabcde abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdefg"
)

func TestANameSaysWhetherItsValueIsACredential(t *testing.T) {
	f := finder(t)
	try := func(name, value string, want int) {
		t.Helper()
		r := request(graph)
		r.URL.RawQuery = name + "=" + value
		found, err := f.Find(nil, "graph.microsoft.com", r)
		if len(found) != want || err != nil {
			t.Errorf("%s=%.20s: %d credentials, %v, want %d", name, value, len(found), err, want)
		}
	}
	for list, wants := range map[string][2]int{always: {1, 1}, sometimes: {1, 0}, never: {0, 0}} {
		for name := range strings.FieldsSeq(list) {
			for _, spelled := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, "_", "-"), percent(name), "+" + name + "%20", "$" + name + ".", "%09" + name, name + "%7f"} {
				try(spelled, credentials["foreign"], wants[0])
				try(spelled, percent(credentials["foreign"]), wants[0])
				try(spelled, credentials["opaque"], wants[1])
			}
			try(name, "", 0)
			try(name, "Bearer+"+credentials["foreign"], wants[0])
		}
	}
	try("access_token", "Bearer", 0)
	for _, broken := range []string{"%", "%6", "%6g", "%g1", "%/1", "%1/", "%:1", "%1:", "%@1", "%1@", "%`1", "%1`"} {
		try(broken+"access_token", credentials["foreign"], 0)
		try("access_token"+broken, credentials["foreign"], 0)
	}
}

// Every octet is read as any origin could have meant it: escaped with letters
// of either case it is itself.
func TestEveryOctetOfANameCanBeEscaped(t *testing.T) {
	for b := range 256 {
		for _, format := range []string{"%%%02x", "%%%02X"} {
			text := fmt.Sprintf("x"+format+"y", b)
			want := "x" + string([]byte{byte(b)}) + "y"
			if got := unescape(text); got != want {
				t.Errorf("%s is %q", text, got)
			}
			if plain, err := url.QueryUnescape(text); err != nil || plain != want {
				t.Errorf("%s is %q to net/url, %v", text, plain, err)
			}
		}
	}
	for _, text := range []string{"%", "a%", "%4", "a%4", "%4g", "%g4", "%:4", "%4:", "%/4", "%4/", "%@4", "%`4", "%%", "100%x"} {
		if got := unescape(text); got != text {
			t.Errorf("%s has become %q", text, got)
		}
	}
	if got := unescape("%%41"); got != "%A" {
		t.Errorf("%q", got)
	}
}

// A directory ID in every octet: what is none is nobody's.
func TestADirectoryIDHasNoOctetThatIsNotHexadecimal(t *testing.T) {
	id := string(other)
	for i := range len(id) {
		for b := range 256 {
			text := id[:i] + string([]byte{byte(b)}) + id[i+1:]
			isHex := strings.IndexByte("0123456789abcdefABCDEF", byte(b)) >= 0
			if id[i] == '-' {
				isHex = b == '-'
			}
			if got, ok := ParseTenant(text); ok != isHex || ok && string(got) != strings.ToLower(text) {
				t.Errorf("%q: %q, %v", text, got, ok)
			}
		}
		if _, ok := ParseTenant(id[:i]); ok {
			t.Errorf("%q is one", id[:i])
		}
		if _, ok := ParseTenant(id + id[:i+1]); ok {
			t.Errorf("%q is one", id+id[:i+1])
		}
	}
	for text, want := range map[string]bool{
		"{" + id + "}": true, "(" + id + ")": true, "{" + id + ")": false, "(" + id + "}": false, "[" + id + "]": false, "{" + id: false, id + "}": false,
		"urn:uuid:" + id: true, "URN:UUID:" + id: true, "urn:uuid:": false, "urn:uuid:{" + id + "}": true, "urn:guid:" + id: false, "x" + id + "x": false,
		strings.ReplaceAll(id, "-", ""): true, strings.ReplaceAll(id, "-", "")[1:]: false, strings.Repeat("0", 32): false, strings.Repeat("0", 31) + "1": true,
		strings.ReplaceAll(id, "-", "0"): false,
	} {
		if _, ok := ParseTenant(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}
