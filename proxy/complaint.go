package proxy

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// complaint takes what net/http says of clients and of us. Clients that
// misbehave must not fill the log; a panic is a fault of ours.
type complaint struct{ log *slog.Logger }

// httpLog is the log of one of the HTTP servers.
func (s *Server) httpLog(where string) *log.Logger {
	return log.New(complaint{s.log().With("server", where)}, "", 0)
}

// Write implements io.Writer. net/http writes a message at once.
func (c complaint) Write(b []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(b, []byte("http: panic serving ")) || bytes.HasPrefix(b, []byte("http2: panic serving ")) {
		level = slog.LevelError
	}
	c.log.Log(context.Background(), level, string(bytes.TrimSpace(b)))
	return len(b), nil
}
