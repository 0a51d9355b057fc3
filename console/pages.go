package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed pages
var files embed.FS

// load parses one page with the frame round it.
func load(name string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{
		"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"day":   func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
		"stamp": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"short": short,
		"tone":  tone, "toneOf": toneOf,
	}).ParseFS(files, "pages/frame.html", "pages/"+name+".html"))
}

var (
	overviewPage = load("overview")
	eventPage    = load("event")
	hostsPage    = load("hosts")
	doctorPage   = load("doctor")
	missingPage  = load("missing")
)

// short is the part of a directory ID that tells it from others.
func short(id string) string {
	if len(id) == 36 && id[8] == '-' {
		return id[:8]
	}
	return id
}

// Frame is what every page shows.
type Frame struct {
	Title, Here string // Here is the page's place in the navigation
	Refresh     int    // seconds; zero is never
	Status      Status
	HomeName    string
}

func (c *Console) frame(title, here string) Frame {
	s := c.Status()
	return Frame{Title: title, Here: here, Status: s, HomeName: c.name(s.Tenant)}
}

// name is what a tenant is called; empty if that is not known.
func (c *Console) name(id string) string {
	if c.Tenant == nil || id == "" {
		return ""
	}
	return c.Tenant(id)
}

func (c *Console) words(reason string) string {
	if c.Words == nil || reason == "" {
		return ""
	}
	return c.Words(reason)
}

// show writes a page, whole or not at all.
func show(w http.ResponseWriter, status int, page *template.Template, data any) {
	var text bytes.Buffer
	if err := page.ExecuteTemplate(&text, "frame.html", data); err != nil {
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}

// static serves a file of the pages.
func static(name, kind string) http.HandlerFunc {
	text, err := files.ReadFile(name)
	if err != nil {
		return http.NotFound
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text)
	}
}
