package proxy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/policy"
)

// refusal is what a client is told when its connection or request goes no
// further. Nothing of it is sent upstream, and it never looks like an
// authentication challenge.
type refusal struct {
	Reason  policy.Reason
	Event   string // id of the event; empty if none could be kept
	Host    string
	request *http.Request // if nil, nobody navigates
}

// statusOf is the HTTP status of a refusal for reason.
func statusOf(reason policy.Reason) int {
	switch reason {
	case policy.MalformedAuthority, policy.MalformedRequest, policy.UnsupportedMethod:
		return http.StatusBadRequest
	case policy.AuthorityMismatch:
		return http.StatusMisdirectedRequest
	case policy.OriginUnreachable, policy.ParentAuth, policy.OriginUntrusted:
		return http.StatusBadGateway
	case policy.OriginTimeout:
		return http.StatusGatewayTimeout
	case policy.Overloaded:
		return http.StatusServiceUnavailable
	default:
		return http.StatusForbidden
	}
}

//go:embed refusal.html
var refusalSource string

var refusalPage = template.Must(template.New("refusal").Parse(refusalSource))

// body renders the refusal: a page for somebody who navigates, else one JSON
// object in the shape that Graph and ARM clients surface.
func (f refusal) body() (contentType string, body []byte) {
	text := explain(f.Reason)
	if f.request != nil && navigates(f.request) {
		var page bytes.Buffer
		err := refusalPage.Execute(&page, map[string]any{
			"Title": text.title, "What": text.what, "Do": text.do,
			"Host": f.Host, "Reason": f.Reason, "Event": f.Event,
		})
		if err == nil {
			return "text/html; charset=utf-8", page.Bytes()
		}
	}
	message := text.what
	if f.Host != "" {
		message += " Host: " + f.Host + "."
	}
	object, err := json.Marshal(map[string]any{"error": map[string]string{
		"code": string(f.Reason), "message": message, "event": f.Event,
	}})
	if err != nil {
		return "application/json", []byte("{}")
	}
	return "application/json", append(object, '\n')
}

// navigates tells whether r is a person's browser opening a page.
func navigates(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodPost) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (f refusal) header(contentType string, length int) http.Header {
	h := http.Header{
		"Content-Type":            {contentType},
		"Content-Length":          {strconv.Itoa(length)},
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"no-referrer"},
		"Tenantgate-Reason":       {string(f.Reason)},
	}
	if f.Event != "" {
		h["Tenantgate-Event"] = []string{f.Event}
	}
	f.share(h)
	return h
}

// share lets the script that asked read why it was refused, instead of a
// network error that says nothing (CORS, fetch.spec.whatwg.org section 3.3).
// There is nothing in a refusal that another site's script may not know.
func (f refusal) share(h http.Header) {
	if f.request == nil {
		return
	}
	if origin := f.request.Header.Get("Origin"); origin != "" {
		h["Access-Control-Allow-Origin"], h["Access-Control-Allow-Credentials"] = []string{origin}, []string{"true"}
		h["Access-Control-Expose-Headers"] = []string{"Tenantgate-Reason, Tenantgate-Event"}
		h["Vary"] = []string{"Origin"}
	}
}

// write answers a request of ours with the refusal.
func (f refusal) write(w http.ResponseWriter) {
	contentType, body := f.body()
	h := w.Header()
	for name, values := range f.header(contentType, len(body)) {
		h[name] = values
	}
	w.WriteHeader(statusOf(f.Reason))
	_, _ = w.Write(body)
}

// response is the refusal as an answer to r, which may be nil.
func (f refusal) response(r *http.Request) *http.Response {
	f.request = r
	contentType, body := f.body()
	status := statusOf(f.Reason)
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: f.header(contentType, len(body)), ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)), Close: true,
	}
}
