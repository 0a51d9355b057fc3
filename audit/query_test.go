package audit

import "testing"

func TestAPersonIsFoundWhereverTheEventNamesThem(t *testing.T) {
	for name, e := range map[string]*Event{
		"proxy's own knowledge": {User: "Alice@contoso.com"},
		"claimed by the second": {Credentials: []Credential{{User: "bob@contoso.com"}, {User: "alice@contoso.com"}}},
		"typed at a sign-in":    {SignIn: SignIn{Flow: "authorize", Account: "alice@contoso.com"}},
	} {
		e.ID = NewID()
		line := e.JSON(testObserver)
		if _, ok := (Query{User: "alice@"}).Match(line); !ok {
			t.Errorf("%s: not found", name)
		}
		if _, ok := (Query{User: "mallory"}).Match(line); ok {
			t.Errorf("%s: found under another name", name)
		}
	}
}

func TestWhoTypedAnAccountIsShownWhereNobodyClaimsOne(t *testing.T) {
	e := &Event{ID: NewID(), SignIn: SignIn{Flow: "authorize", Account: "alice@contoso.com"}}
	if s, _ := (Query{}).Match(e.JSON(testObserver)); s.User != "alice@contoso.com" {
		t.Errorf("user %q", s.User)
	}
}
