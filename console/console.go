// Package console shows an operator what is going on.
//
// It never changes anything: every page is a GET, and there is no script in
// any of them. It is meant for the admin listener, which is on loopback unless
// an administrator says otherwise. What clients send is text here, whatever it
// looks like.
package console

import (
	"encoding/json"
	"net/http"
	"time"
)

// Component is a part of the program and how it is.
type Component struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Status is what is in force.
type Status struct {
	Version, Mode, Tenant, Policy, Hash string

	Started, Loaded time.Time // when the program started, and this configuration came into force
	Refused         bool      // the last reload was refused: the file is not what is in force

	Restricted, Exceptions, Exempt []string // host patterns
}

// Console serves the admin listener. Its fields are set before Handler.
type Console struct {
	Ready   func() []Component         // how each part is; not ready if one is not OK
	Status  func() Status              // what is in force
	Recent  *Recent                    // the events that the pages show
	Names   []string                   // hosts that the pages may be asked for by, beside loopback and the listener's own address
	Tenant  func(id string) string     // a name for a tenant, empty if it has none; may be nil
	Words   func(reason string) string // what a refusal for this reason tells the person; may be nil
	Metrics http.Handler               // /metrics
	PAC     http.Handler               // /proxy.pac, and /wpad.dat, which it may refuse

	Examined func() Examination // the last self-examination; may be nil
}

// Handler returns the pages of the admin listener. What machines ask for
// answers under any name: a load balancer, a scraper and a browser that fetches
// its PAC file use the one they were given.
func (c *Console) Handler() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", c.overview)
	pages.HandleFunc("GET /event/{id}", c.event)
	pages.HandleFunc("GET /hosts", c.hosts)
	pages.HandleFunc("GET /doctor", c.doctor)
	pages.HandleFunc("GET /style.css", static("pages/style.css", "text/css; charset=utf-8"))
	pages.HandleFunc("GET /icon.svg", static("pages/icon.svg", "image/svg+xml"))
	machines := http.NewServeMux()
	machines.HandleFunc("GET /healthz", healthz)
	machines.HandleFunc("GET /readyz", c.readyz)
	machines.Handle("GET /metrics", c.Metrics)
	machines.Handle("/proxy.pac", c.PAC)
	machines.Handle("/wpad.dat", c.PAC)
	mux := http.NewServeMux()
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/proxy.pac", "/wpad.dat"} {
		mux.Handle(path, machines)
	}
	mux.Handle("/", c.guard(pages))
	return mux
}

// healthz tells that the process serves.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyz tells how each part is: 200 when every one is fine, else 503.
func (c *Console) readyz(w http.ResponseWriter, _ *http.Request) {
	parts := c.Ready()
	ready := true
	for _, p := range parts {
		ready = ready && p.OK
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": ready, "components": parts})
}
