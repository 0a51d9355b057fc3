package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Finding is how one check of an examination ended: pass, warn, fail or skipped.
type Finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	What   string `json:"what"`
	Hint   string `json:"hint,omitempty"`
}

// Examination is what the proxy last found out about itself, and how a device
// finds out about its own.
type Examination struct {
	Every    time.Duration // zero: it does not examine itself
	When     time.Time     // zero: not yet
	Findings []Finding

	Devices []Command
}

// Command is something to type on a device.
type Command struct{ What, Line, Want string }

// OK tells whether no check failed.
func (e Examination) OK() bool {
	for _, f := range e.Findings {
		if f.Status == "fail" {
			return false
		}
	}
	return true
}

type doctorData struct {
	Frame
	Examination
	Ago string
}

// doctor tells what the last self-examination found, to people as a page and to
// programs as JSON.
func (c *Console) doctor(w http.ResponseWriter, r *http.Request) {
	var e Examination
	if c.Examined != nil {
		e = c.Examined()
	}
	if r.URL.Query().Get("format") == "json" || strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		tellExamination(w, e)
		return
	}
	d := doctorData{Frame: c.frame("Doctor", "doctor"), Examination: e}
	if !e.When.IsZero() {
		d.Ago = time.Since(e.When).Truncate(time.Second).String()
	}
	show(w, http.StatusOK, doctorPage, d)
}

// tellExamination leaves "ok" out where nothing was examined.
func tellExamination(w http.ResponseWriter, e Examination) {
	answer := map[string]any{"every_seconds": int(e.Every.Seconds()), "checks": e.Findings}
	if e.Findings == nil {
		answer["checks"] = []Finding{}
	}
	if !e.When.IsZero() {
		answer["ok"], answer["when"] = e.OK(), e.When.UTC().Format(time.RFC3339)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// toneOf is the colour of a finding.
func toneOf(status string) string {
	switch status {
	case "pass":
		return "good"
	case "warn":
		return "warn"
	case "fail":
		return "bad"
	}
	return ""
}
