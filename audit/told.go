package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A told is an event read back from its line, for renderings that name its
// parts otherwise. Docs/events.md says what each field holds.
type told struct {
	Time  time.Time `json:"@timestamp"`
	Event struct {
		ID       string        `json:"id"`
		Kind     string        `json:"kind"`
		Category []string      `json:"category"`
		Action   string        `json:"action"`
		Outcome  string        `json:"outcome"`
		Reason   string        `json:"reason"`
		Duration time.Duration `json:"duration"`
	} `json:"event"`
	Observer struct {
		Hostname string `json:"hostname"`
		Version  string `json:"version"`
	} `json:"observer"`
	Source      toldEnd `json:"source"`
	Destination toldEnd `json:"destination"`
	User        struct {
		Name string `json:"name"`
	} `json:"user"`
	URL struct {
		Scheme string `json:"scheme"`
		Domain string `json:"domain"`
		Path   string `json:"path"`
	} `json:"url"`
	HTTP struct {
		Request struct {
			Method string `json:"method"`
			ID     string `json:"id"`
		} `json:"request"`
		Response struct {
			Status int `json:"status_code"`
		} `json:"response"`
		Version string `json:"version"`
	} `json:"http"`
	Agent struct {
		Original string `json:"original"`
	} `json:"user_agent"`
	TLS struct {
		Version string `json:"version"`
	} `json:"tls"`
	Own toldOwn `json:"tenantgate"`
}

type toldEnd struct {
	IP     string `json:"ip"`
	Domain string `json:"domain"`
	Port   int    `json:"port"`
	Bytes  int64  `json:"bytes"`
}

type toldOwn struct {
	Kind           string           `json:"kind"`
	Seq            uint64           `json:"seq"`
	Plane          string           `json:"plane"`
	Mode           string           `json:"mode"`
	Verdict        string           `json:"verdict"`
	Observed       bool             `json:"observed"`
	Reason         string           `json:"reason"`
	Relation       string           `json:"relation"`
	HomeTenant     string           `json:"home_tenant"`
	ResourceTenant string           `json:"resource_tenant"`
	ResourceDomain string           `json:"resource_domain"`
	AccountTenant  string           `json:"account_tenant"`
	Credentials    []toldCredential `json:"credentials"`
	Tags           []string         `json:"tags"`
	ClientTags     []string         `json:"client_tags"`
	Completes      string           `json:"completes"`
	SignIn         struct {
		Account string `json:"account"`
	} `json:"sign_in"`
	Sink  string `json:"sink"`
	Count uint64 `json:"count"`
}

type toldCredential struct {
	Place  string `json:"place"`
	Kind   string `json:"kind"`
	Tenant string `json:"tenant"`
	App    string `json:"app"`
	User   string `json:"user"`
	Digest string `json:"digest"`
}

func readTold(line []byte) (*told, error) {
	var t told
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return &t, nil
}

// url is the address that was asked for, as far as it is known.
func (t *told) url() string {
	if t.URL.Domain == "" {
		return ""
	}
	if t.URL.Scheme == "" {
		return t.URL.Domain
	}
	return t.URL.Scheme + "://" + t.URL.Domain + t.URL.Path
}

// account is who the first credential that names somebody says it is:
// unverified.
func (t *told) account() (c toldCredential) {
	for _, c := range t.Own.Credentials {
		if c.User != "" || c.App != "" {
			return c
		}
	}
	return toldCredential{}
}

// severity is how grave the event is, from 0 to 10: an attempt that was
// refused, one that would have been, a signal or something about the log itself, anything
// else that is policy-relevant, the rest.
func (t *told) severity() int {
	switch {
	case t.Event.Kind == "alert" && !t.Own.Observed:
		return 7
	case t.Event.Kind == "alert":
		return 5
	case t.about(), t.Event.Action == "bypass-signal":
		return 6
	case t.Own.Kind == "tenant":
		return 3
	}
	return 1
}

// about reports whether the event is about the log itself.
func (t *told) about() bool { return len(t.Event.Category) == 1 && t.Event.Category[0] == "process" }

// denied reports whether the proxy refused.
func (t *told) denied() bool { return t.Own.Verdict == "block" && !t.Own.Observed }

// name is the action in words.
func (t *told) name() string { return strings.ReplaceAll(t.Event.Action, "-", " ") }
