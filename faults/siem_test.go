package faults_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

const siemAddr = "127.0.0.1:9999"

// siem is the receiver of events. manner is what it does to who sends; nil: it
// takes them.
type siem struct {
	t      *testing.T
	manner atomic.Pointer[http.HandlerFunc]
	tries  atomic.Int64
	server *http.Server

	mu    sync.Mutex
	taken map[string]bool // ids
}

func newSIEM(t *testing.T) *siem {
	s := &siem{t: t, taken: map[string]bool{}}
	s.start(nil)
	t.Cleanup(s.stop)
	return s
}

// start listens; wrap may stand between it and its clients.
func (s *siem) start(wrap func(net.Listener) net.Listener) {
	l, err := net.Listen("tcp", siemAddr)
	if err != nil {
		s.t.Error(err)
		return
	}
	if wrap != nil {
		l = wrap(l)
	}
	s.server = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: patience}
	go func(server *http.Server) { _ = server.Serve(l) }(s.server) // ends with stop
}

func (s *siem) stop() { _ = s.server.Close() }

func (s *siem) behaves(h http.HandlerFunc) {
	if h == nil {
		s.manner.Store(nil)
		return
	}
	s.manner.Store(&h)
}

func (s *siem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.tries.Add(1)
	if h := s.manner.Load(); h != nil {
		(*h)(w, r)
		return
	}
	s.take(r)
}

// take remembers the events of r.
func (s *siem) take(r *http.Request) {
	ids := idsOf(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.taken[id] = true
	}
}

func (s *siem) lacks(ids []string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if !s.taken[id] {
			n++
		}
	}
	return n
}

// idsOf reads the ids of events, one a line; what is no event has none.
func idsOf(r io.Reader) (ids []string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e struct{ Event struct{ ID string } }
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event.ID != "" {
			ids = append(ids, e.Event.ID)
		}
	}
	return ids
}
