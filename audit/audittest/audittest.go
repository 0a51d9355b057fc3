// Package audittest reads the event log back, for tests and the demo.
//
// Its structs are written from docs/events.md and share nothing with the
// encoder, so that a test that compares the two says something.
package audittest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// A Line is one event as a SIEM receives it.
type Line struct {
	Timestamp   time.Time   `json:"@timestamp"`
	ECS         ECS         `json:"ecs"`
	Event       Event       `json:"event"`
	Observer    Observer    `json:"observer"`
	Source      Endpoint    `json:"source"`
	User        *User       `json:"user"`
	Destination Endpoint    `json:"destination"`
	URL         URL         `json:"url"`
	HTTP        HTTP        `json:"http"`
	UserAgent   UserAgent   `json:"user_agent"`
	TLS         *TLS        `json:"tls"`
	Tenantgate  *Tenantgate `json:"tenantgate"`
}

// The parts of a Line, named as ECS names them.
type (
	ECS struct {
		Version string `json:"version"`
	}
	Event struct {
		ID       string        `json:"id"`
		Kind     string        `json:"kind"`
		Category []string      `json:"category"`
		Type     []string      `json:"type"`
		Action   string        `json:"action"`
		Outcome  string        `json:"outcome"`
		Reason   string        `json:"reason"`
		Duration time.Duration `json:"duration"`
	}
	Observer struct {
		Vendor   string `json:"vendor"`
		Product  string `json:"product"`
		Type     string `json:"type"`
		Hostname string `json:"hostname"`
		Version  string `json:"version"`
	}
	Endpoint struct {
		IP     string `json:"ip"`
		Domain string `json:"domain"`
		Port   int    `json:"port"`
		Bytes  int64  `json:"bytes"`
	}
	User struct {
		Name string `json:"name"`
	}
	URL struct {
		Scheme string `json:"scheme"`
		Domain string `json:"domain"`
		Path   string `json:"path"`
	}
	HTTP struct {
		Request  HTTPRequest  `json:"request"`
		Response HTTPResponse `json:"response"`
		Version  string       `json:"version"`
	}
	HTTPRequest struct {
		Method string `json:"method"`
		ID     string `json:"id"`
	}
	HTTPResponse struct {
		StatusCode int `json:"status_code"`
	}
	UserAgent struct {
		Original string `json:"original"`
	}
	TLS struct {
		Version string `json:"version"`
	}
)

// Tenantgate is the object of our own.
type Tenantgate struct {
	Kind           string        `json:"kind"`
	Seq            uint64        `json:"seq"`
	Plane          string        `json:"plane"`
	Mode           string        `json:"mode"`
	Verdict        string        `json:"verdict"`
	Observed       bool          `json:"observed"`
	Reason         string        `json:"reason"`
	Rule           string        `json:"rule"`
	Relation       string        `json:"relation"`
	HomeTenant     string        `json:"home_tenant"`
	ResourceTenant string        `json:"resource_tenant"`
	ResourceDomain string        `json:"resource_domain"`
	AccountTenant  string        `json:"account_tenant"`
	Credentials    []Credential  `json:"credentials"`
	Links          []Link        `json:"links"`
	Mailbox        *Mailbox      `json:"mailbox"`
	Tags           []string      `json:"tags"`
	ClientTags     []string      `json:"client_tags"`
	CloseReason    string        `json:"close_reason"`
	ClientHello    string        `json:"client_hello"`
	OriginTLS      *OriginTLS    `json:"origin_tls"`
	Completes      string        `json:"completes"`
	SignIn         *SignIn       `json:"sign_in"`
	Entra          *Entra        `json:"entra"`
	Uptime         time.Duration `json:"uptime"`
	Count          uint64        `json:"count"`
	Sink           string        `json:"sink"`
	InvalidUTF8    []InvalidUTF8 `json:"invalid_utf8"`
	Truncated      bool          `json:"truncated"`
}

// Mailbox is whose mailbox a request says that it is for.
type Mailbox struct {
	User   string `json:"user"`
	Tenant string `json:"tenant"`
}

// OriginTLS is what was agreed on with an origin.
type OriginTLS struct {
	Version    string `json:"version"`
	Cipher     string `json:"cipher"`
	Revocation string `json:"revocation"`
}

// SignIn is what a request to a sign-in host says of itself.
type SignIn struct {
	Flow    string `json:"flow"`
	Attempt string `json:"attempt"`
	Account string `json:"account"`
	Tenant  string `json:"tenant"`
	Domain  string `json:"domain"`
	App     string `json:"app"`
	AppName string `json:"app_name"`
}

// Entra is what the sign-in service answered.
type Entra struct {
	Blocked       bool   `json:"blocked"`
	Code          string `json:"code"`
	RequestID     string `json:"request_id"`
	CorrelationID string `json:"correlation_id"`
}

// A Link is what an event says of one.
type Link struct {
	Kind     string `json:"kind"`
	Resource string `json:"resource"`
	Target   string `json:"target"`
	Tenant   string `json:"tenant"`
}

// A Credential is what an event says of one.
type Credential struct {
	Place    string `json:"place"`
	Kind     string `json:"kind"`
	Tenant   string `json:"tenant"`
	IDP      string `json:"idp"`
	App      string `json:"app"`
	User     string `json:"user"`
	Verified bool   `json:"verified"`
	Digest   string `json:"digest"`
}

// InvalidUTF8 holds the bytes of a field that were not text.
type InvalidUTF8 struct {
	Field string `json:"field"`
	Hex   string `json:"hex"`
}

// Parse reads one line. A field that this package does not know is an error.
func Parse(line []byte) (Line, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var l Line
	if err := d.Decode(&l); err != nil {
		return l, fmt.Errorf("parse event: %w", err)
	}
	if l.Tenantgate == nil {
		return l, fmt.Errorf("parse event: %s is not one of tenantgate's", line)
	}
	if rest, err := io.ReadAll(d.Buffered()); err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return l, fmt.Errorf("parse event: %q follows it", rest)
	}
	return l, nil
}

// Read returns the events of a file.
func Read(path string) ([]Line, error) {
	lines, _, err := Tail(path, 0)
	return lines, err
}

// Tail returns the whole events of a file from an offset on, and the offset
// where the next one will begin.
func Tail(path string, from int64) (lines []Line, next int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, from, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, from, 1<<62))
	if err != nil {
		return nil, from, fmt.Errorf("read events: %w", err)
	}
	for next = from; ; {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole {
			return lines, next, nil
		}
		l, err := Parse(line)
		if err != nil {
			return lines, next, fmt.Errorf("%s at byte %d: %w", path, next, err)
		}
		lines, text, next = append(lines, l), rest, next+int64(len(line))+1
	}
}
