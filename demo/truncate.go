package demo

import (
	"io"
	"net/http"
	"strings"
)

// serveTruncated promises more than it sends: on HTTP/1.1 the connection ends
// inside the body (chunked=1: without the last chunk), on HTTP/2 the stream
// ends short of its content-length.
func serveTruncated(w http.ResponseWriter, r *http.Request) {
	const sent = 500
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, strings.Repeat("x", sent))
		return
	}
	defer conn.Close()
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"
	if r.URL.Query().Get("chunked") != "" {
		head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n"
	}
	_, _ = io.WriteString(conn, head+strings.Repeat("x", sent))
}
