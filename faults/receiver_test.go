package faults_test

import (
	"crypto/tls"
	"net"
	"net/http"
)

// R20: whatever the receiver of events does, clients do not notice, and it has
// each event in the end.
func brokenReceiver(s *stage) {
	s.run(settings{})
	answer := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	gone := func(w http.ResponseWriter) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			c.Close()
		}
	}
	for _, manner := range []http.HandlerFunc{
		answer(http.StatusInternalServerError),
		answer(http.StatusTooManyRequests, "Retry-After", "1"),
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, // it hangs
		func(w http.ResponseWriter, r *http.Request) { s.siem.take(r); gone(w) },
		func(w http.ResponseWriter, _ *http.Request) { gone(w) },
	} {
		s.siem.behaves(manner)
		s.tried()
		s.under(0.5)
	}
	s.siem.behaves(nil)
	for _, wrap := range []func(net.Listener) net.Listener{
		func(l net.Listener) net.Listener { l.Close(); return l }, // it refuses
		func(l net.Listener) net.Listener { return tls.NewListener(l, &tls.Config{}) },
	} {
		s.siem.stop()
		s.siem.start(wrap)
		s.under(0.5)
	}
	s.siem.stop()
	s.siem.start(nil)
	s.works()
	s.load.end()
	s.onlyFailed()
	s.await("the receiver has every event", func() bool { return s.siem.lacks(s.load.events) == 0 })
}

// tried waits until the receiver was tried once more.
func (s *stage) tried() {
	s.Helper()
	had := s.siem.tries.Load()
	s.await("the receiver is tried", func() bool { return s.siem.tries.Load() > had })
}
