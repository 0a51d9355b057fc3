package demo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// maxBytes bounds what /bytes/N sends.
const maxBytes = 1 << 30

// generic tells whether a path is one of sites' own. They are served on every
// host, so that what a proxy does to a stream can be tried on hosts it decrypts
// and on hosts it does not.
func generic(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "ws", "sse", "gzip", "trailers", "range", "slow", "truncate", "echo", "early413", "103", "status", "bytes", "headers":
		return true
	}
	return false
}

func sites() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", serveWebSocket)
	mux.HandleFunc("/sse", serveEvents)
	mux.HandleFunc("/gzip", serveGzip)
	mux.HandleFunc("/trailers", serveTrailers)
	mux.HandleFunc("/range", serveRange)
	mux.HandleFunc("/slow", serveSlow)
	mux.HandleFunc("/truncate", serveTruncated)
	mux.HandleFunc("/echo", serveEcho)
	mux.HandleFunc("/early413", serveEarly)
	mux.HandleFunc("/103", serveHints)
	mux.HandleFunc("/status/{code}", serveStatus)
	mux.HandleFunc("/bytes/{count}", serveBytes)
	mux.HandleFunc("/headers", serveHeaders)
	return mux
}

// answerSite is a site nobody restricts.
func (c *Cloud) answerSite(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	writePage(w, http.StatusOK, plainPage, string(n)+" has nothing to do with any tenant.")
}

// serveEvents sends n events (default 3), each flushed by itself; hold=1
// keeps the stream open after them until the client goes.
func serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range number(r, "n", 3) {
		_, _ = fmt.Fprintf(w, "id: %d\ndata: event %d\n\n", i, i)
		_ = http.NewResponseController(w).Flush()
	}
	if r.URL.Query().Get("hold") != "" {
		<-r.Context().Done()
	}
}

// serveGzip always sends gzip, asked or not: the bytes must arrive untouched.
func serveGzip(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = io.WriteString(zw, strings.Repeat("compressed by the origin\n", 100))
	_ = zw.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(b.Bytes())
}

// serveTrailers sends one declared and one undeclared trailer, and echoes the
// request's own by name.
func serveTrailers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Checksum")
	_, _ = io.Copy(w, r.Body)
	_, _ = io.WriteString(w, "body\n")
	for name := range r.Trailer {
		_, _ = fmt.Fprintln(w, "trailer "+name)
	}
	w.Header().Set("X-Checksum", "c0ffee")
	w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
}

// serveRange has a fixed content of 1000 bytes and understands Range.
func serveRange(w http.ResponseWriter, r *http.Request) {
	content := strings.Repeat("0123456789", 100)
	w.Header().Set("ETag", `"demo"`)
	http.ServeContent(w, r, "range.txt", time.Unix(0, 0), strings.NewReader(content))
}

// serveSlow flushes its head and then sends nothing until the client goes;
// with head=never it does not even send that.
func serveSlow(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("head") != "never" {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
	}
	<-r.Context().Done()
}

// serveEcho sends back what it reads, while it reads.
func serveEcho(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/2 always is
	w.Header().Set("Content-Type", or(r.Header.Get("Content-Type"), "application/octet-stream"))
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return
		}
		_ = control.Flush()
		if err != nil {
			return
		}
	}
}

// serveEarly answers before it has read the body, and closes.
func serveEarly(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "close")
	http.Error(w, "too large", http.StatusRequestEntityTooLarge)
}

// serveHints sends 103 Early Hints (RFC 8297) before its answer.
func serveHints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload; as=style")
	w.WriteHeader(http.StatusEarlyHints)
	_, _ = io.WriteString(w, "hinted\n")
}

func serveStatus(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		http.Error(w, "no such status", http.StatusNotFound)
		return
	}
	if code >= 300 && code < 400 && code != http.StatusNotModified {
		w.Header().Set("Location", "/status/200")
	}
	w.WriteHeader(code)
	if code != http.StatusNoContent && code != http.StatusNotModified {
		_, _ = fmt.Fprintf(w, "%d\n", code)
	}
}

func serveBytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.PathValue("count"), 10, 64)
	if err != nil || n < 0 || n > maxBytes {
		http.Error(w, "no such count", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	block := bytes.Repeat([]byte("tenantgate demo\n"), 4096)
	for n > 0 {
		k, err := w.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return
		}
		n -= int64(k)
	}
}

// serveHeaders tells what arrived, one header a line.
func serveHeaders(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintf(w, "%s %s %s\nHost: %s\n", r.Method, r.URL.Path, r.Proto, r.Host)
	_ = r.Header.Write(w)
}

func number(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 0 || n > 10000 {
		return otherwise
	}
	return n
}
