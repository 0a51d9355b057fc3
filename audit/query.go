package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// A Query says which events somebody wants to see. Its zero value is all of
// them.
type Query struct {
	Since, Until time.Time // Until is exclusive
	Kind         string    // tenant or access
	Verdict      string    // block, forward, tunnel, intercept; observed is what would have been blocked
	Reason       string
	Tenant       string // of the resource or the account: a directory ID or a domain
	User         string // known to the proxy, claimed by a credential, or typed at a sign-in; a part of it will do
	ID           string // of the event, or of the one that it completes
}

// Summary is what a list of events shows of one. Its texts may be hostile.
type Summary struct {
	Time                                      time.Time
	ID, Kind, Action, Verdict, Reason, Client string
	Observed                                  bool
	User                                      string // known to the proxy, else claimed, else typed
	Host, Path, Method, Relation, Tenant      string
}

// Match reports whether the query wants the event in line, and what it is.
// What is not an event matches nothing.
func (q Query) Match(line []byte) (Summary, bool) {
	t, err := readTold(line)
	if err != nil || t.Event.ID == "" {
		return Summary{}, false
	}
	s := t.summary()
	switch {
	case !q.Since.IsZero() && t.Time.Before(q.Since), !q.Until.IsZero() && !t.Time.Before(q.Until),
		q.Kind != "" && q.Kind != t.Own.Kind,
		q.Verdict == "observed" && !t.Own.Observed,
		q.Verdict != "" && q.Verdict != "observed" && q.Verdict != t.Own.Verdict,
		q.Reason != "" && q.Reason != t.Own.Reason,
		q.ID != "" && q.ID != t.Event.ID && q.ID != t.Own.Completes,
		q.Tenant != "" && !t.concerns(q.Tenant),
		q.User != "" && !t.names(q.User):
		return s, false
	}
	return s, true
}

func (t *told) summary() Summary {
	user := t.User.Name
	if user == "" {
		user = cmp.Or(t.account().User, t.Own.SignIn.Account)
	}
	tenant := t.Own.ResourceTenant
	if tenant == "" {
		tenant = t.Own.ResourceDomain
	}
	return Summary{
		Time: t.Time, ID: t.Event.ID, Kind: t.Own.Kind, Action: t.Event.Action, Verdict: t.Own.Verdict, Reason: t.Own.Reason,
		Client: t.Source.IP, Observed: t.Own.Observed, User: user, Host: t.Destination.Domain, Path: t.URL.Path,
		Method: t.HTTP.Request.Method, Relation: t.Own.Relation, Tenant: tenant,
	}
}

func (t *told) concerns(tenant string) bool {
	for _, one := range []string{t.Own.ResourceTenant, t.Own.ResourceDomain, t.Own.AccountTenant} {
		if strings.EqualFold(one, tenant) {
			return true
		}
	}
	return false
}

func (t *told) names(user string) bool {
	like := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(user)) }
	for _, c := range t.Own.Credentials {
		if like(c.User) {
			return true
		}
	}
	return like(t.User.Name) || like(t.Own.SignIn.Account)
}

// Lines calls f with each whole line of r, and returns how many bytes they
// are. A line is valid until f returns.
func Lines(r io.Reader, f func(line []byte) error) (n int64, err error) {
	b := bufio.NewReaderSize(r, 2*maxLine)
	for {
		line, err := b.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case errors.Is(err, bufio.ErrBufferFull):
			n += int64(len(line)) // longer than any event
			continue
		case err != nil:
			return n, err
		}
		n += int64(len(line))
		if err := f(line); err != nil {
			return n, err
		}
	}
}

// Last returns the last n lines of the file that the query wants, and where
// the file ended.
func (q Query) Last(file *os.File, n int) (lines [][]byte, end int64, err error) {
	st, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	for look := int64(1 << 20); ; look *= 4 {
		from := max(st.Size()-look, 0)
		lines = lines[:0]
		first := from > 0 // it may be a part of a line
		read, err := Lines(io.NewSectionReader(file, from, st.Size()-from), func(line []byte) error {
			if _, ok := q.Match(line); ok && !first {
				lines = append(lines, bytes.Clone(line))
			}
			first = false
			return nil
		})
		if err != nil || from == 0 || len(lines) >= n {
			return lines[max(len(lines)-n, 0):], from + read, err
		}
	}
}
