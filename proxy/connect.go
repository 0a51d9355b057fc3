package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/elazarl/goproxy"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
)

// Limits of the explicit proxy's own HTTP.
const (
	frontHeaderTimeout = 10 * time.Second
	frontHeaderBytes   = 32 << 10
)

// newFront builds the explicit proxy: goproxy parses and dispatches, and
// answers every CONNECT with a hijack or a rejection. Its interception, its
// tunnels and its certificates are not used, see docs/adr.
func (s *Server) newFront() *http.Server {
	front := goproxy.NewProxyHttpServer()
	front.ConnectDial = nil // drop what it took from HTTPS_PROXY
	front.Tr = &http.Transport{Proxy: nil, DisableCompression: true}
	front.KeepAcceptEncoding = true
	front.KeepHeader = true // plain.go removes hop-by-hop fields, all of them
	front.Logger = discard{}
	front.NonproxyHandler = http.HandlerFunc(s.notProxied)
	front.OnRequest().HandleConnectFunc(s.onConnect)
	front.OnRequest().DoFunc(s.onPlain)
	return &http.Server{
		Handler:           keepBuffered(early(s.timely(front))),
		Protocols:         http1(),
		ReadHeaderTimeout: orDefault(s.HeaderTimeout, frontHeaderTimeout),
		IdleTimeout:       s.idleTimeout(),
		MaxHeaderBytes:    frontHeaderBytes,
		ErrorLog:          s.httpLog("front"),
	}
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

type discard struct{}

func (discard) Printf(string, ...any) {}

// onConnect parses the target and hands the connection to admit. A target
// that does not survive the strict grammar is rejected.
func (s *Server) onConnect(_ string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
	r := ctx.Req
	dst, err := hosts.ParseAuthority(r.RequestURI, 0)
	if err != nil {
		ctx.Resp = s.refusePlain(r, policy.MalformedAuthority).response(nil)
		return &goproxy.ConnectAction{Action: goproxy.ConnectReject}, r.Host
	}
	return &goproxy.ConnectAction{
		Action: goproxy.ConnectHijack,
		Hijack: func(r *http.Request, conn net.Conn, _ *goproxy.ProxyCtx) {
			c := &client{Conn: conn, from: addrPort(conn.RemoteAddr()), dst: dst, way: connectWay{proto: r.Proto}, agent: r.UserAgent()}
			s.conns.Go(func() { s.admit(c) })
		},
	}, r.Host
}

// notProxied answers a request that is meant for the proxy itself.
func (s *Server) notProxied(w http.ResponseWriter, r *http.Request) {
	s.refusePlain(r, policy.MalformedRequest).write(w)
}

// remote is the client's address of a request that came to the front.
func remote(r *http.Request) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}

// keepBuffered gives a hijacker the bytes that the server had read beyond the
// CONNECT head: goproxy throws its reader away, and with it a ClientHello
// that came in the same segment.
func keepBuffered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&bufferedHijacker{ResponseWriter: w}, r)
	})
}

type bufferedHijacker struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (b *bufferedHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(b.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	if n := rw.Reader.Buffered(); n > 0 {
		first := make([]byte, n)
		if _, err := io.ReadFull(rw.Reader, first); err != nil {
			conn.Close()
			return nil, nil, err
		}
		return &replay{Conn: conn, first: first}, rw, nil
	}
	return conn, rw, nil
}

// Write sends what it gets at once: a plain-http answer that trickles must
// not wait in the server's buffer.
func (b *bufferedHijacker) Write(p []byte) (int, error) {
	n, err := b.ResponseWriter.Write(p)
	if err == nil {
		err = http.NewResponseController(b.ResponseWriter).Flush()
	}
	return n, err
}

// Unwrap serves http.ResponseController.
func (b *bufferedHijacker) Unwrap() http.ResponseWriter { return b.ResponseWriter }
