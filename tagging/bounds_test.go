package tagging

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// guid is the text form of RFC 9562, 4.
var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func TestAnIDIsAGUIDAndNothingElse(t *testing.T) {
	try := func(id string) {
		t.Helper()
		if _, err := New(Default(), homeTenant, id); (err == nil) != (guid.MatchString(id) && id != homeTenant) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for i := range len(homePolicy) {
		try(homePolicy[:i])
		try(homePolicy + homePolicy[:i+1])
		for b := range 256 {
			try(homePolicy[:i] + string([]byte{byte(b)}) + homePolicy[i+1:])
		}
	}
}

func TestTheNameOfAnEnterpriseHasNoOctetThatIsNotDocumented(t *testing.T) {
	documented := regexp.MustCompile(`^[A-Za-z0-9_-]$`)
	for b := range 256 {
		c := string([]byte{byte(b)})
		cfg := Default()
		cfg.Providers = Providers{GitHub: &GitHub{[]string{"a" + c + "b"}}}
		if _, err := New(cfg, homeTenant, homePolicy); (err == nil) != documented.MatchString(c) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// allowed returns a list of domains and IDs that is n octets long in a header.
func allowed(n int) []string {
	list := []string{homeTenant}
	for left := n - len(homeTenant); left > 0; {
		size := min(left-1, 60)
		if left-1-size < 20 && left-1 > size {
			size -= 20 // no domain of a few octets is left over
		}
		label := fmt.Sprintf("a%d", len(list))
		list = append(list, label+strings.Repeat("x", size-len(label)-len(".example"))+".example")
		left -= size + 1
	}
	return list
}

func TestAListIsWarnedOfAndRefusedAtTheOctet(t *testing.T) {
	for size, want := range map[int]string{
		warnTenants: "", warnTenants + 1: "warned", maxTenants: "warned", maxTenants + 1: "refused",
	} {
		cfg := v1Config(false)
		cfg.V1.Allowed = allowed(size)
		if n := len(strings.Join(cfg.V1.Allowed, ",")); n != size {
			t.Fatalf("a list of %d octets has %d", size, n)
		}
		table, err := New(cfg, homeTenant, homePolicy)
		got := ""
		switch {
		case err != nil:
			got = "refused"
		case table.Warnings() != nil:
			got = "warned"
		}
		if got != want {
			t.Errorf("%d octets: %q, want %q: %v", size, got, want, err)
		}
	}
}

// A path is where ChatGPT needs no account however a server spells it.
func TestWhereNoAccountIsNeededIsKnownInEverySpelling(t *testing.T) {
	table := withProviders(t, everyProvider())
	for path, want := range map[string]bool{
		"/backend-anon": true, "/backend-anon/": true, "/backend-anon/conversation": true, "/Backend-ANON/conversation": true,
		"//backend-anon/x": true, "/x/../backend-anon/x": true, `\backend-anon\x`: true, "/backend-anon/../backend-api": false,
		"/backend-anonymous": false, "/backend-api/x": false, "/x/backend-anon": false, "/": false, "": false,
	} {
		for n, has := range map[hosts.Name]bool{"chatgpt.com": true, "ws.chatgpt.com": true, "claude.ai": false, "example.com": false, Canonical: false} {
			if table.At(n).Anonymous(path) != (want && has) {
				t.Errorf("%s%s: %v", n, path, !(want && has))
			}
		}
	}
}

// What an administrator took for an ID is named in words of its own.
func TestAProblemSaysWhatWasWrittenInstead(t *testing.T) {
	for written, want := range map[string]string{
		"": "is empty", "Restrict-MSA": "value of version v1", homeTenant + ":" + homePolicy: "a pair", "contoso.com": "a domain", "home": "not a GUID",
		"a:b:c": "not a GUID", "00000000-0000-0000-0000-000000000000": "names nobody",
	} {
		if _, err := New(Default(), homeTenant, written); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tenant.policy %q: %v, want %s", written, err, want)
		}
	}
	for written, want := range map[string]string{
		"*.contoso.com": "wildcard", "a.com, b.com": "more than one name", "contoso.com;": "more than one name", "cont/oso.com": "neither a domain", "contoso": "not a GUID",
	} {
		cfg := v1Config(false)
		cfg.V1.Allowed = []string{homeTenant, written}
		_, err := New(cfg, homeTenant, homePolicy)
		var e *setting.Error
		if !errors.As(err, &e) || e.Path != "v1.allowed[1]" || !strings.Contains(e.What, want) {
			t.Errorf("v1.allowed %q: %v, want %s", written, err, want)
		}
	}
}
