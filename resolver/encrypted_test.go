package resolver

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// encrypted is an upstream over TLS and HTTPS on loopback, with a certificate
// for example.com and 127.0.0.1.
type encrypted struct {
	tls, https string // host:port
	roots      *x509.CertPool
	conns      atomic.Int32 // TLS connections that were made to either
	posts      atomic.Int32
	listener   *keeping
	closed     chan struct{} // one for each connection that is over
}

// keeping is a listener that counts and can close what it accepted.
type keeping struct {
	net.Listener
	count  *atomic.Int32
	closed chan struct{}
	mu     sync.Mutex
	all    []net.Conn
}

// telling is a connection that tells when it is closed.
type telling struct {
	net.Conn
	once sync.Once
	to   chan struct{}
}

func (c *telling) Close() error {
	c.once.Do(func() { c.to <- struct{}{} })
	return c.Conn.Close()
}

func (k *keeping) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	if err == nil {
		k.count.Add(1)
		c = &telling{Conn: c, to: k.closed}
		k.mu.Lock()
		k.all = append(k.all, c)
		k.mu.Unlock()
	}
	return c, err
}

func (k *keeping) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.all {
		c.Close()
	}
	k.all = nil
}

func newEncrypted(t testing.TB, answer dns.HandlerFunc, web http.HandlerFunc) *encrypted {
	t.Helper()
	u := &encrypted{roots: x509.NewCertPool(), closed: make(chan struct{}, 1000)}
	if web == nil {
		web = func(w http.ResponseWriter, r *http.Request) { u.serveHTTP(t, answer, w, r) }
	}
	srv := httptest.NewUnstartedServer(web)
	srv.EnableHTTP2 = true
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			u.conns.Add(1)
		case http.StateClosed:
			u.closed <- struct{}{}
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	u.roots.AddCert(srv.Certificate())
	u.https = srv.Listener.Addr().String()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	u.tls = l.Addr().String()
	u.listener = &keeping{Listener: l, count: &u.conns, closed: u.closed}
	s := &dns.Server{Listener: tls.NewListener(u.listener, &tls.Config{Certificates: srv.TLS.Certificates}), Handler: answer, IdleTimeout: func() time.Duration { return time.Minute }}
	started, ended := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { defer close(ended); _ = s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { u.listener.drop(); _ = s.Shutdown(); <-ended })
	return u
}

// posted is a dns.ResponseWriter whose message is the answer to a POST.
type posted struct {
	dns.ResponseWriter
	to http.ResponseWriter
}

func (p posted) LocalAddr() net.Addr { return &net.TCPAddr{} }

func (p posted) WriteMsg(m *dns.Msg) error {
	b, err := m.Pack()
	if err == nil {
		p.to.Header().Set("Content-Type", messageType)
		_, err = p.to.Write(b)
	}
	return err
}

// serveHTTP is RFC 8484's server.
func (u *encrypted) serveHTTP(t testing.TB, answer dns.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	u.posts.Add(1)
	var q dns.Msg
	b, err := io.ReadAll(r.Body)
	if err != nil || q.Unpack(b) != nil || r.Method != http.MethodPost || r.URL.String() != "/dns-query" ||
		r.Header.Get("Content-Type") != messageType || q.Id != 0 || r.Header.Get("User-Agent") != "" {
		t.Errorf("the upstream got %s %s %v %v", r.Method, r.URL, r.Header, q)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer(posted{to: w}, &q)
}

// addresses are u as the configuration names it, by address and by name.
func (u *encrypted) addresses() []string {
	_, p1, _ := net.SplitHostPort(u.tls)
	_, p2, _ := net.SplitHostPort(u.https)
	return []string{"tls://" + u.tls, "https://" + u.https + "/dns-query", "tls://example.com:" + p1, "https://example.com:" + p2 + "/dns-query"}
}

// bootstrapped knows where example.com is.
func bootstrapped(t testing.TB) func(*Config) {
	boot := newImitation(t, says(t, nil, "example.com. 300 IN A 127.0.0.1"))
	return func(c *Config) { c.Bootstrap = []string{boot.addr} }
}

func TestEncryptedUpstreamsAnswerOverOneConnection(t *testing.T) {
	padded := func(w dns.ResponseWriter, q *dns.Msg) {
		b := must(q.Pack())(t)
		if opt := q.IsEdns0(); opt == nil || len(opt.Option) != 1 || opt.Option[0].Option() != dns.EDNS0PADDING || len(b)%128 != 0 {
			t.Errorf("a question of %d octets: %v", len(b), opt)
		}
		zone(t)(w, q)
	}
	for i := range 4 {
		up := newEncrypted(t, padded, nil)
		s, addr := serve(t, trusting(t, up.roots, bootstrapped(t), up.addresses()[i]), nil)
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				name := fmt.Sprintf("%s.example.com", strings.Repeat("n", n+1))
				if in := ask(t, "tcp", addr, name, dns.TypeA, nil); in.Rcode != dns.RcodeNameError {
					t.Errorf("%s: %v", name, in)
				}
				if in := ask(t, "udp", addr, "alias.example.com", dns.TypeA, nil); data(in.Answer) != "192.0.2.5,www.example.com." {
					t.Errorf("%s: %v", up.addresses()[i], in)
				}
			})
		}
		all.Wait()
		if n := up.conns.Load(); n != 1 && !strings.HasPrefix(up.addresses()[i], "https") || n > 4 {
			t.Errorf("%s: %d connections for 21 questions", up.addresses()[i], n)
		}
		before := up.conns.Load()
		ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)
		// Of HTTP/2, connections that the burst began may still be arriving.
		if n := up.conns.Load(); n != before && !strings.HasPrefix(up.addresses()[i], "https") || n > 4 {
			t.Error("a later question had a connection of its own")
		}
		s.Close()
	}
}

// Nothing is asked in clear where the certificate is not the one it must be.
func TestAnUpstreamThatCannotProveItselfIsNotAsked(t *testing.T) {
	up := newEncrypted(t, zone(t), nil)
	clear := newImitation(t, zone(t))
	_, p1, _ := net.SplitHostPort(up.tls)
	_, p2, _ := net.SplitHostPort(up.https)
	other := newImitation(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if strings.HasPrefix(q.Question[0].Name, "other") {
			says(t, nil, "other.example. 300 IN A 127.0.0.1")(w, q)
			return
		}
		zone(t)(w, q)
	})
	named := func(c *Config) { c.Bootstrap = []string{other.addr} }
	for name, row := range map[string]struct {
		roots *x509.CertPool
		at    string
	}{
		"DoT, unknown root":         {x509.NewCertPool(), "tls://" + up.tls},
		"DoH, unknown root":         {x509.NewCertPool(), "https://" + up.https + "/dns-query"},
		"DoT, another name":         {up.roots, "tls://other.example:" + p1},
		"DoH, another name":         {up.roots, "https://other.example:" + p2 + "/dns-query"},
		"DoT where there is no TLS": {up.roots, "tls://" + clear.addr},
		"DoT, a name nobody knows":  {up.roots, "tls://nobody.example:" + p1},
	} {
		t.Run(name, func(t *testing.T) {
			_, addr := serve(t, trusting(t, row.roots, named, row.at), nil)
			if in := ask(t, "udp", addr, "www.example.com", dns.TypeA, nil); in.Rcode != dns.RcodeServerFailure {
				t.Errorf("the answer is %v", in)
			}
		})
	}
	if n := clear.udp.Load() + clear.tcp.Load() + up.posts.Load(); n != 0 {
		t.Errorf("%d questions were asked", n)
	}
}

func TestAConnectionThatAServerClosedIsMadeAgain(t *testing.T) {
	up := newEncrypted(t, zone(t), nil)
	_, addr := serve(t, trusting(t, up.roots, nil, "tls://"+up.tls), nil)
	for i, name := range []string{"www.example.com", "alias.example.com", "sharepoint.com"} {
		if in := ask(t, "udp", addr, name, dns.TypeA, nil); len(in.Answer) == 0 {
			t.Errorf("%s: %v", name, in)
		}
		if n := up.conns.Load(); n != int32(i+1) {
			t.Errorf("%d connections, want %d", n, i+1)
		}
		up.listener.drop()
	}
}

func TestAnswersOverOneConnectionComeInAnyOrder(t *testing.T) {
	const n = 50
	var waiting []func()
	var mu sync.Mutex
	up := newEncrypted(t, func(w dns.ResponseWriter, q *dns.Msg) {
		mu.Lock()
		defer mu.Unlock()
		waiting = append(waiting, func() {
			says(t, nil, q.Question[0].Name+" 300 IN TXT "+strings.ToLower(q.Question[0].Name))(w, q)
		})
		if len(waiting) == n {
			for i := range waiting {
				waiting[n-1-i]()
			}
		}
	}, nil)
	_, addr := serve(t, trusting(t, up.roots, nil, "tls://"+up.tls), func(s *Server) { s.wait.attempt, s.wait.flight = 5*time.Second, 6*time.Second })
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			name := fmt.Sprintf("n%d.example.com", i)
			if in := ask(t, "tcp", addr, name, dns.TypeTXT, nil); data(in.Answer) != `"`+name+`."` {
				t.Errorf("%s: %v", name, in)
			}
		})
	}
	all.Wait()
}

// A way that is dead without saying so costs one question, not all that follow.
func TestAConnectionThatStaysSilentIsGivenUp(t *testing.T) {
	var asked atomic.Int32
	up := newEncrypted(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if asked.Add(1) > 1 {
			zone(t)(w, q)
		}
	}, nil)
	_, addr := serve(t, trusting(t, up.roots, nil, "tls://"+up.tls), nil)
	in := ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)
	if data(in.Answer) != "192.0.2.5" || up.conns.Load() != 2 {
		t.Errorf("after %d connections: %v", up.conns.Load(), in)
	}
}

func TestAReloadLetsGoOfConnections(t *testing.T) {
	for i := range 2 {
		up := newEncrypted(t, zone(t), nil)
		at := up.addresses()[i]
		before := trusting(t, up.roots, nil, at)
		s, addr := serve(t, before, nil)
		ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)
		n := up.conns.Load()
		s.Use(trusting(t, x509.NewCertPool(), nil, at))
		select {
		case <-up.closed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the connection is still there", at)
		}
		if in := ask(t, "udp", addr, "alias.example.com", dns.TypeA, nil); in.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s: after another root is trusted: %v", at, in)
		}
		s.Use(trusting(t, up.roots, nil, at))
		if in := ask(t, "udp", addr, "sharepoint.com", dns.TypeA, nil); len(in.Answer) != 1 || up.conns.Load() <= n {
			t.Errorf("%s: after the way back: %v", at, in)
		}
	}
}

func TestOnlyADNSMessageIsAnAnswerOverHTTPS(t *testing.T) {
	elsewhere := newEncrypted(t, zone(t), nil)
	full := must(new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA).Pack())(t)
	full[0], full[1], full[2] = 0, 0, full[2]|0x80
	write := func(kind string, status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	for name, web := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+elsewhere.https+"/dns-query", http.StatusTemporaryRedirect)
		},
		"an error":       write(messageType, http.StatusBadGateway, full),
		"a page":         write("text/html", http.StatusOK, full),
		"nothing":        write(messageType, http.StatusOK, nil),
		"too much":       write(messageType, http.StatusOK, make([]byte, dns.MaxMsgSize+1)),
		"another number": write(messageType, http.StatusOK, append([]byte{1}, full[1:]...)),
		"no question":    write(messageType, http.StatusOK, make([]byte, headerSize)),
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			up := newEncrypted(t, zone(t), func(w http.ResponseWriter, r *http.Request) { asked.Add(1); web(w, r) })
			_, addr := serve(t, trusting(t, up.roots, nil, "https://"+up.https+"/dns-query"), nil)
			if in := ask(t, "udp", addr, "www.example.com", dns.TypeA, nil); in.Rcode != dns.RcodeServerFailure {
				t.Errorf("the answer is %v", in)
			}
			if n := asked.Load(); n != rounds {
				t.Errorf("the upstream was asked %d times", n)
			}
		})
	}
	if elsewhere.posts.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// RFC 8484 section 5.1.
func TestWhatHTTPKeptHasAged(t *testing.T) {
	up := newEncrypted(t, zone(t), nil)
	aged := newEncrypted(t, zone(t), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Age", "250")
		up.serveHTTP(t, zone(t), w, r)
	})
	clock := newHand()
	_, addr := serve(t, trusting(t, aged.roots, nil, "https://"+aged.https+"/dns-query"), func(s *Server) { s.clock = clock.now })
	for _, want := range []uint32{50, 300 - 250 - 20} {
		if ttl, text := first(t, ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)); ttl != want {
			t.Errorf("%s for %d s, want %d", text, ttl, want)
		}
		clock.add(20 * time.Second)
	}
}
