package console

import (
	"encoding/json"
	"time"
)

// Row is what a list shows of an event. The names are those of docs/events.md.
type Row struct {
	Time  time.Time `json:"@timestamp"`
	Event struct {
		ID, Action, Outcome, Reason string
	} `json:"event"`
	Source struct {
		IP   string
		Port int
	} `json:"source"`
	User        struct{ Name string } `json:"user"`
	Destination struct {
		Domain string
		Port   int
	} `json:"destination"`
	URL struct {
		Scheme, Path string
	} `json:"url"`
	HTTP struct {
		Request struct{ Method string }
	} `json:"http"`
	Own struct {
		Plane, Verdict, Reason, Relation string
		Observed                         bool
		Resource                         string `json:"resource_tenant"`
		ResourceDomain                   string `json:"resource_domain"`
		Account                          string `json:"account_tenant"`
		Credentials                      []Credential
		Tags                             []string
		ClientTags                       []string `json:"client_tags"`
		SignIn                           struct {
			Account string
		} `json:"sign_in"`
	} `json:"tenantgate"`
}

// Credential is what an event says of a credential.
type Credential struct {
	Place, Kind, Tenant, IDP, App, User, Digest string
	Verified                                    bool
}

// row reads a line of the log.
func (e entry) row() (Row, error) {
	var r Row
	err := json.Unmarshal(e.line, &r)
	return r, err
}

// ID is the event's.
func (r Row) ID() string { return r.Event.ID }

// Verdict is the verdict as a person says it.
func (r Row) Verdict() string {
	if r.Own.Observed {
		return "would block"
	}
	return r.Own.Verdict
}

// Tone is the class that the stylesheet gives the verdict.
func (r Row) Tone() string { return tone(r.Own.Verdict, r.Own.Observed) }

func tone(verdict string, observed bool) string {
	switch {
	case observed:
		return "warn"
	case verdict == "block":
		return "bad"
	case verdict == "forward":
		return "good"
	default:
		return "plain"
	}
}

// Who is the person: the proxy's own knowledge, else the first claim, else the
// account that was typed at a sign-in.
func (r Row) Who() string {
	if r.User.Name != "" {
		return r.User.Name
	}
	for _, c := range r.Own.Credentials {
		if c.User != "" {
			return c.User
		}
	}
	return r.Own.SignIn.Account
}

// Resource is the tenant that the request is for: its ID, or the name that is
// known instead.
func (r Row) Resource() string {
	if r.Own.Resource == "" {
		return r.Own.ResourceDomain
	}
	return r.Own.Resource
}
