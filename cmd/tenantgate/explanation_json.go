package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// aside is what explain --json says beside the event, in its member explanation:
// what the event, which tells the worst, does not.
type aside struct {
	Connection  judged           `json:"connection"`
	Request     *judged          `json:"request,omitempty"` // left out where its connection is not intercepted
	Owner       string           `json:"host_tenant,omitempty"`
	Credentials []toldCredential `json:"credentials"`
	Links       []toldLink       `json:"links"`
	Status      int              `json:"status,omitempty"` // that the client sees of a refusal
	Unknown     []string         `json:"unknown"`
}

// judged is a verdict, with the setting that decided.
type judged struct {
	Verdict  string `json:"verdict"`
	Observed bool   `json:"observed"`
	Reason   string `json:"reason"`
	Relation string `json:"relation,omitempty"`
	Resource string `json:"resource_tenant,omitempty"`
	Account  string `json:"account_tenant,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Where    string `json:"where,omitempty"` // the rule's place in the configuration
}

type toldCredential struct {
	Place      string `json:"place"`
	Kind       string `json:"kind"`
	Digest     string `json:"digest"`
	Unreadable string `json:"unreadable,omitempty"` // why
	judged
}

type toldLink struct {
	Kind     string `json:"kind"`
	Resource string `json:"resource"`
	Target   string `json:"target"`
	judged
}

// explainJSON returns the event as the log would have it, with the member
// explanation behind it.
func explainJSON(x proxy.Explanation, privacy audit.PrivacyConfig, where func(path string) string) ([]byte, error) {
	say := func(v policy.Verdict) judged {
		j := judged{
			Verdict: v.Action.String(), Observed: v.Observed, Reason: string(v.Reason), Relation: string(v.Relation),
			Resource: string(v.Resource), Account: string(v.Account), Rule: v.Rule,
		}
		if v.Rule != "" {
			j.Where = where(v.Rule)
		}
		return j
	}
	t := aside{
		Connection: say(x.Connection), Owner: string(x.Owner), Status: x.Status,
		Credentials: []toldCredential{}, Links: []toldLink{}, Unknown: append([]string{}, x.Unknown...),
	}
	if x.Judged {
		v := say(x.Request)
		t.Request = &v
	}
	for i, c := range x.Found {
		t.Credentials = append(t.Credentials, toldCredential{string(c.Place), string(c.Kind), c.Digest, c.Why, say(x.Each[i])})
	}
	for i, l := range nameless(x.Links, privacy) {
		t.Links = append(t.Links, toldLink{l.Kind, l.Resource, l.Target, say(x.EachLink[i])})
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write explanation: %w", err)
	}
	privacy.Apply(x.Event)
	event := bytes.TrimSuffix(x.Event.JSON(observer()), []byte("}\n"))
	return fmt.Appendf(event, ",\"explanation\":%s}\n", text), nil
}

// nameless returns the ends of links as an event tells them, for their paths
// can name people. The event has only those that join two tenants.
func nameless(all []policy.Link, privacy audit.PrivacyConfig) []audit.Link {
	e := audit.Event{Links: make([]audit.Link, len(all))}
	for i, l := range all {
		e.Links[i] = audit.Link{Kind: string(l.Kind), Resource: l.Resource, Target: l.Target}
	}
	privacy.Apply(&e)
	return e.Links
}
