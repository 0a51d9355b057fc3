package faults_test

import (
	"fmt"
	"net/http"
	"sync"
)

// R26: a PAC file that is fetched while the configuration changes is one or
// the other, whole.
func pacUnderReload(s *stage) {
	s.run(settings{})
	var mu sync.Mutex
	got := map[string]int{}
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				text := s.gate.page("/proxy.pac")
				mu.Lock()
				got[text]++
				mu.Unlock()
			}
		})
	}
	known := map[string]bool{}
	for i := range 20 {
		s.gate.configure(settings{more: fmt.Sprintf("pac: {proxies: [\"proxy-%d.contoso.com:8080\"]}\n", i%2)})
		s.gate.reload(reloaded)
		known[s.gate.page("/proxy.pac")] = true
		s.under(0.05)
	}
	s.gate.configure(settings{})
	s.gate.reload(reloaded)
	known[s.gate.page("/proxy.pac")] = true
	close(done)
	all.Wait()
	n := 0
	for text, times := range got {
		n += times
		if !known[text] || text == "" {
			s.Errorf("%d times a PAC file that is none of the %d:\n%s", times, len(known), text)
		}
	}
	if resp, err := http.Get("http://" + adminAddr + "/proxy.pac"); err != nil || resp.Header.Get("Content-Type") != "application/x-ns-proxy-autoconfig" {
		s.Errorf("%v %v", resp, err)
	}
	s.Logf("%d PAC files", n)
	s.onlyFailed()
}
