// Package console shows an operator what is going on.
//
// It never changes anything: every page is a GET. It is meant for the admin
// listener, which is on loopback unless an administrator says otherwise.
package console

import (
	"encoding/json"
	"net/http"
)

// Component is a part of the program and how it is.
type Component struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Console serves the admin listener. Its fields are set before Handler.
type Console struct {
	Version string
	Ready   func() []Component // how each part is; not ready if one is not OK
	Metrics http.Handler       // /metrics
	PAC     http.Handler       // /proxy.pac
}

// Handler returns the pages of the admin listener.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", c.readyz)
	mux.Handle("GET /metrics", c.Metrics)
	mux.Handle("/proxy.pac", c.PAC)
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
