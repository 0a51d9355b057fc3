package console

import "testing"

func TestTheAccountThatWasTypedIsShown(t *testing.T) {
	for line, want := range map[string]string{
		`{"tenantgate":{"sign_in":{"account":"mallory@fabrikam.com"}}}`:                                                         "mallory@fabrikam.com",
		`{"tenantgate":{"credentials":[{"user":"alice@contoso.com"}],"sign_in":{"account":"mallory@fabrikam.com"}}}`:            "alice@contoso.com",
		`{"user":{"name":"CONTOSO\\alice"},"tenantgate":{"credentials":[{"user":"x"}],"sign_in":{"account":"m@fabrikam.com"}}}`: `CONTOSO\alice`,
		`{"tenantgate":{"credentials":[]}}`: "",
	} {
		r, err := entry{line: []byte(line)}.row()
		if err != nil || r.Who() != want {
			t.Errorf("%s: %q, %v, want %q", line, r.Who(), err, want)
		}
	}
}
