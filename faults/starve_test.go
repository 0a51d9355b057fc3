package faults_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// R13: descriptors run out.
func fewDescriptors(s *stage) {
	limit := 2*s.scale.tunnels + 700
	s.gate.shell = fmt.Sprint("ulimit -n ", limit)
	s.run(settings{})
	for range 2 {
		let := s.crowd(2 * limit)
		s.under(0.5)
		let()
		s.works()
	}
	if s.gate.metric("tenantgate_shed_total", "") == 0 {
		s.Error("nobody was turned away")
	}
}

// crowd opens n connections to both listeners that say nothing, each thirty
// from an address of their own. Some are closed at once: that is the point.
func (s *stage) crowd(n int) (let func()) {
	s.Helper()
	var mu sync.Mutex
	var open []net.Conn
	var all sync.WaitGroup
	for part := range 20 {
		all.Go(func() {
			for i := part; i < n; i += 20 {
				d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i/30/250), byte(1+i/30%250))}}
				c, err := d.Dial("tcp", []string{proxyAddr, steeredAddr}[i%2])
				if err != nil {
					continue
				}
				mu.Lock()
				open = append(open, c)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	s.Logf("%d of %d connections were made", len(open), n)
	return func() {
		for _, c := range open {
			c.Close()
		}
	}
}

// R22: a burst of connections, then nothing from them.
func burst(s *stage) {
	n := 10000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		s.Fatal(err)
	}
	if most := int(limit.Max)/2 - 1000; most < n {
		s.Logf("no more than %d connections: %d descriptors", most, limit.Max)
		n = most
	}
	s.run(settings{})
	let := s.crowd(n)
	s.under(2)
	s.works()
	let()
	s.released()
}

// R14: there is little memory, and clients want much.
func littleMemory(s *stage) {
	s.gate.env = []string{"GOMEMLIMIT=96MiB"}
	s.run(settings{})
	big := bytes.Repeat([]byte(`{"displayName":"much"},`), 40000)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 48 {
		all.Go(func() {
			c := s.load.client(i)
			defer c.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				req, err := http.NewRequest(http.MethodPost, "https://"+graphHost+"/v1.0/$batch", bytes.NewReader(big))
				if err != nil {
					s.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer "+s.load.tokens[home])
				if resp, err := c.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
		})
	}
	s.under(3)
	rss := s.gate.metric("process_resident_memory_bytes", "")
	close(stop)
	all.Wait()
	s.Logf("%.0f MiB resident", rss/(1<<20))
	if rss > 400<<20 && !watched {
		s.Errorf("%.0f MiB resident", rss/(1<<20))
	}
}

// R15: others want every processor.
func busyMachine(s *stage) {
	s.run(settings{})
	var busy []*exec.Cmd
	for range 4 * runtime.NumCPU() {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			s.Fatal(err)
		}
		busy = append(busy, cmd)
	}
	over := sync.OnceFunc(func() {
		for _, cmd := range busy {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	defer over()
	s.under(4)
	over()
	s.works()
	s.load.end()
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	for outcome, n := range s.load.counts[home] {
		if strings.HasPrefix(outcome, "answered") {
			s.Errorf("%d times %s", n, outcome)
		}
	}
}
