package faults_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
)

// R03: another process takes over. The one before ends when its tunnels have,
// or it has waited for them long enough; no request fails over it.
func takenOver(s *stage) {
	s.run(settings{})
	for i := range 2 {
		before, over := s.gate.cmd, s.gate.ended
		s.gate.launch("--replace")
		s.gate.wait("taken over", func() bool { return strings.Count(s.gate.log.String(), `"msg":"taking over"`) > i })
		s.under(1)
		s.works()
		select {
		case <-over:
		case <-time.After(patience):
			s.Fatal("the one before does not end")
		}
		if code := before.ProcessState.ExitCode(); code != 0 {
			s.Errorf("exit code %d", code)
		}
		s.renewed(i + 1)
	}
	s.onlyFailed(tunnel)
}

// R04: whoever comes is refused, what is under way ends, HTTP/2 is told to go
// away, and the exit code is 0.
func drains(s *stage) {
	s.run(settings{})
	hold := make(chan struct{})
	s.world.hold.Store(&hold)
	var held []*bufio.Reader
	for i := range 4 {
		held = append(held, s.held(i))
	}
	away := s.goAway()
	s.gate.signal(syscall.SIGTERM)
	s.await("new connections are refused", func() bool {
		c, err := net.Dial("tcp", proxyAddr)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	if err := <-away; err != nil {
		s.Errorf("no GOAWAY: %v", err)
	}
	close(hold)
	for i, r := range held {
		if rest, err := io.ReadAll(r); string(rest) != fmt.Sprintf("answer %d\n", i) || err != nil {
			s.Errorf("what was under way ended with %q, %v", rest, err)
		}
	}
	<-s.gate.ended
	if code := s.gate.cmd.ProcessState.ExitCode(); code != 0 {
		s.Errorf("exit code %d", code)
	}
	s.world.hold.Store(nil)
	s.gate.run()
}

// held is the answer to a request that has begun and does not end.
func (s *stage) held(i int) *bufio.Reader {
	s.Helper()
	c := s.load.client(i)
	c.Timeout = patience
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://%s/held?n=%d", graphHost, i), nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.load.tokens[home])
	resp, err := c.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { resp.Body.Close(); c.CloseIdleConnections() })
	r := bufio.NewReader(resp.Body)
	if first, err := r.ReadString('\n'); first != "first\n" || err != nil {
		s.Fatalf("it began %q, %v", first, err)
	}
	return r
}

// goAway has an HTTP/2 connection and tells when it was told to go away.
func (s *stage) goAway() <-chan error {
	s.Helper()
	c, err := tls.Dial("tcp", steeredAddr, s.load.verified(graphHost, "h2"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		s.Fatal(err)
	}
	f := http2.NewFramer(c, c)
	if err := errors.Join(f.WriteSettings(), f.WriteSettingsAck()); err != nil {
		s.Fatal(err)
	}
	told := make(chan error, 1)
	go func() {
		for {
			frame, err := f.ReadFrame()
			if _, is := frame.(*http2.GoAwayFrame); is || err != nil {
				told <- err
				return
			}
		}
	}()
	return told
}

// R05: the program is killed at any moment and started again.
func killed(s *stage) {
	s.run(settings{})
	for range 5 {
		s.under(0.7)
		s.gate.end(syscall.SIGKILL)
		s.gate.run()
		s.works()
	}
}

// R24: the next CA is made, trusted, put in place.
func rotatesCA(s *stage) {
	s.run(settings{})
	for i := range 2 {
		failed := s.load.failed()
		s.ca("rotate", "--prepare")
		s.load.trust(s.gate.state)
		s.load.forget()
		s.under(0.5)
		s.ca("rotate")
		s.under(0.5)
		if n := s.load.failed() - failed; n > 0 { // it goes on with the CA that it has
			s.Errorf("%d requests failed before the restart:\n%s", n, s.load)
		}
		if code := s.gate.end(syscall.SIGTERM); code != 0 {
			s.Errorf("exit code %d", code)
		}
		s.gate.run()
		s.works()
		s.restarted(i + 1)
	}
	present := x509.NewCertPool() // and none that was before
	pem, err := os.ReadFile(filepath.Join(s.gate.state, "ca", "ca.crt"))
	if err != nil || !present.AppendCertsFromPEM(pem) {
		s.Fatal(err)
	}
	c, err := tls.Dial("tcp", steeredAddr, &tls.Config{RootCAs: present, ServerName: graphHost})
	if err != nil {
		s.Fatalf("who trusts the present CA alone: %v", err)
	}
	c.Close()
}

func (s *stage) ca(args ...string) {
	s.Helper()
	s.output(append(append([]string{"ca"}, args...), "-c", s.gate.file())...)
}

// output runs a subcommand of the program.
func (s *stage) output(args ...string) string {
	s.Helper()
	out, err := exec.Command(s.gate.name, args...).CombinedOutput()
	if err != nil {
		s.Fatalf("tenantgate %q: %v: %s", args, err, out)
	}
	return string(out)
}

// R28: a second instance is refused, and the first does not notice.
func secondInstance(s *stage) {
	s.run(settings{})
	for range 5 {
		second := exec.Command(s.gate.name, "run", "-c", s.gate.file())
		out, _ := second.CombinedOutput()
		if code := second.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(out), "held by another instance") {
			s.Errorf("exit code %d: %s", code, out)
		}
		s.under(0.2)
	}
	s.onlyFailed()
}
