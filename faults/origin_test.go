package faults_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Where origins are: what the dial guard lets through.
const (
	signInAddr = "127.0.0.17"
	dataAddr   = "127.0.0.18"
	siteAddr   = "127.0.0.23" // an unlisted site: an echo behind TLS
	brokenAddr = "127.0.0.24" // an origin that a scenario breaks
	toxicAddr  = "127.0.0.25" // the way to the data hosts that toxiproxy stands in
	guarded    = "127.0.0.16/28"
)

// The hosts that clients ask.
const (
	graphHost  = "graph.microsoft.com"
	signInHost = "login.microsoftonline.com"
	siteHost   = "www.example.com"
)

const (
	homeTenant    = "11111111-1111-1111-1111-111111111111"
	homePolicy    = "22222222-2222-2222-2222-222222222222"
	foreignTenant = "33333333-3333-3333-3333-333333333333"
	tagName       = "Sec-Restrict-Tenant-Access-Policy"
	foreignMark   = "Zm9yZWlnbg" // in each credential that must not arrive
)

// world is every origin. It judges what arrives by itself: nothing that is
// asked of the proxy goes into that.
type world struct {
	asked atomic.Int64
	hold  atomic.Pointer[chan struct{}] // requests for /held wait for it
	feed  atomic.Pointer[http.HandlerFunc]

	mu    sync.Mutex
	wrong []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	ca, err := origins()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.leaf(time.Now().Add(60*24*time.Hour), graphHost, signInHost, siteHost, "*.faults.test")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	server := &http.Server{Handler: w, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: config, ReadHeaderTimeout: patience}
	for _, addr := range []string{signInAddr, dataAddr} {
		l := listen(t, addr+":443")
		go func() { _ = server.ServeTLS(l, "", "") }() // ends with the server
	}
	t.Cleanup(func() { server.Close() })
	echo := tls.NewListener(listen(t, siteAddr+":443"), &tls.Config{Certificates: []tls.Certificate{cert}})
	serve(t, echo, func(c net.Conn) { _, _ = io.Copy(c, c) })
	return w
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serve gives each connection of l to do, and closes it after.
func serve(t *testing.T, l net.Listener, do func(net.Conn)) {
	var open sync.Map
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			all.Go(func() {
				defer open.Delete(c)
				defer c.Close()
				do(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		all.Wait()
	})
}

func (w *world) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 20 {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

func (w *world) faults() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.wrong...)
}

// ServeHTTP answers with the number that the request has.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.asked.Add(1)
	if feed := w.feed.Load(); feed != nil && strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		(*feed)(rw, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	w.judge(r, body)
	if hold := w.hold.Load(); hold != nil && r.URL.Path == "/held" {
		_, _ = io.WriteString(rw, "first\n")
		_ = http.NewResponseController(rw).Flush()
		<-*hold
	}
	fmt.Fprintf(rw, "answer %s\n", r.URL.Query().Get("n"))
}

// judge looks for a foreign credential and for tags where they belong.
func (w *world) judge(r *http.Request, body []byte) {
	tags := r.Header.Values(tagName)
	if r.Host == signInHost && !strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		if len(tags) != 1 || tags[0] != homeTenant+":"+homePolicy {
			w.fault("sign-in %s with tags %q", r.URL.Path, tags)
		}
	}
	if r.Host != signInHost && len(tags) > 0 {
		w.fault("%s with tags %q", r.Host, tags)
	}
	text := r.URL.RawQuery + string(body)
	for _, values := range r.Header {
		text += strings.Join(values, " ")
	}
	if strings.Contains(text, foreignMark) {
		w.fault("a foreign credential at %s%s", r.Host, r.URL.Path)
	}
}

// line reads one line of c.
func line(c net.Conn) (string, error) { return bufio.NewReader(c).ReadString('\n') }
