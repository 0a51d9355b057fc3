package tokens

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Outcome is what the sign-in service says of how a request ended. Codes and
// texts change without notice (Microsoft, reference-error-codes): it is told,
// and decides nothing.
type Outcome struct {
	Code          string // AADSTS number, or the code of a personal account's page; empty if none
	RequestID     string
	CorrelationID string

	states []string // of the pages to come, in the answer
}

// restricted are the codes that say that a tenant restriction refused: the
// first three from reference-error-codes and tenant-restrictions-v2, the last
// from login.live.com's page (not documented).
var restricted = [...]string{"5000211", "500021", "50002", "80045C4D"}

// Blocked tells whether a tenant restriction refused.
func (o Outcome) Blocked() bool {
	for _, code := range restricted {
		if o.Code == code {
			return true
		}
	}
	return false
}

// Outcome reads what the answer said, as far as it was passed on.
func (a *Answer) Outcome() Outcome {
	h := a.response.Header
	o := Outcome{RequestID: identifier(first(h["X-Ms-Request-Id"])), CorrelationID: identifier(first(h["Client-Request-Id"]))}
	switch {
	case a.carrier == inLocation:
		o.readLocation(h["Location"])
	case a.body == nil:
	case a.carrier == inError:
		o.readJSON(a.body.text)
	case a.carrier == inPage:
		o.readPage(a.body.text)
		if o.Code == "" && a.host == consumerHost && bytes.Contains(a.body.text, []byte("80045C4D")) {
			o.Code = "80045C4D"
		}
	}
	if o.Code == "" {
		o.Code = telemetry(first(h["X-Ms-Clitelem"]))
	}
	return o
}

// telemetry reads x-ms-clitelem: version, error code, sub-code, and more. Not
// documented; MSAL reads it so.
func telemetry(line string) string {
	_, rest, _ := strings.Cut(line, ",")
	code, _, _ := strings.Cut(rest, ",")
	if code = digits(strings.TrimSpace(code)); strings.Trim(code, "0") == "" {
		return ""
	}
	return code
}

// readJSON reads the error of a token or device code endpoint. What was cut
// off is not read.
func (o *Outcome) readJSON(text []byte) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if !json.Valid(text) || text[0] != '{' {
		return
	}
	description := ""
	for name, value := range members(text) {
		switch name {
		case "error_codes":
			o.Code = digits(strings.TrimLeft(string(value), "[ \t\r\n"))
		case "error_description":
			description = unquote(value)
		case "trace_id":
			o.RequestID = or(identifier(unquote(value)), o.RequestID)
		case "correlation_id":
			o.CorrelationID = or(identifier(unquote(value)), o.CorrelationID)
		}
	}
	o.Code = or(o.Code, numberIn(description))
}

// readLocation reads an error that goes back to the application (RFC 6749,
// 4.1.2.1), and what will be shown again when its answer is redeemed.
func (o *Outcome) readLocation(lines []string) {
	parameters(strings.Join(lines, "&"), func(name, value string) {
		switch name {
		case "error_description":
			o.Code = numberIn(value)
		case "code", "ctx", "flowToken":
			o.states = append(o.states, value)
		}
	})
}

// readPage reads $Config of Entra's pages and ServerData of login.live.com's.
// Neither is documented.
func (o *Outcome) readPage(text []byte) {
	o.Code = pageCode(member(text, "sErrorCode"))
	for _, name := range []string{"iErrorCode", "strServiceExceptionMessage"} {
		if o.Code == "" {
			value := member(text, name)
			o.Code = or(pageCode(value), numberIn(value))
		}
	}
	o.CorrelationID = or(identifier(member(text, "correlationId")), o.CorrelationID)
	for _, name := range []string{"sCtx", "sFT"} {
		if s := member(text, name); s != "" {
			o.states = append(o.states, s)
		}
	}
}

// pageCode takes an AADSTS number, or eight hexadecimal digits.
func pageCode(s string) string {
	if strings.Trim(s, "0") == "" {
		return ""
	}
	if code := digits(s); code == s {
		return code
	}
	if len(s) == 8 && strings.Trim(strings.ToUpper(s), "0123456789ABCDEF") == "" {
		return strings.ToUpper(s)
	}
	return ""
}

// member returns the text or number that a page's script gives a name, quoted
// or not.
func member(text []byte, name string) string {
	for {
		i := bytes.Index(text, []byte(name))
		if i < 0 {
			return ""
		}
		before, after := text[:i], text[i+len(name):]
		text = after
		if len(before) > 0 && !bytes.ContainsRune([]byte("\"' {,\t\r\n"), rune(before[len(before)-1])) {
			continue
		}
		after = bytes.TrimLeft(after, "\"' \t\r\n")
		if len(after) > 0 && after[0] == ':' {
			return scalar(bytes.TrimLeft(after[1:], " \t\r\n"))
		}
	}
}

// scalar reads the text or number that a piece of script begins with.
func scalar(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	end := skip(text, 0)
	switch {
	case end > maxState:
		return ""
	case text[0] == '"':
		return unquote(text[:end])
	case text[0] == '\'':
		s, _, _ := bytes.Cut(text[1:min(len(text), maxState)], []byte("'"))
		return string(s)
	}
	return digits(string(text[:end]))
}

// numberIn returns the number behind AADSTS.
func numberIn(s string) string {
	_, rest, _ := strings.Cut(s, "AADSTS")
	return digits(rest)
}

// digits returns the digits that s begins with, if they could be a code.
func digits(s string) string {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n > 10 {
		return ""
	}
	return s[:n]
}

// identifier returns s if it looks like a GUID.
func identifier(s string) string {
	if len(s) > 40 || strings.Trim(s, "0123456789abcdefABCDEF-") != "" {
		return ""
	}
	if strings.Trim(s, "0-") == "" {
		return ""
	}
	return strings.Clone(s)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
