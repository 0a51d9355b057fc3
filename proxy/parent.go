package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/setting"
)

// Parent is an existing proxy that connections to origins go through.
type Parent struct {
	Log *slog.Logger // told, once a minute, that the parent wants other credentials; if nil, nobody is

	addr string      // host:port
	tls  *tls.Config // nil: it is spoken to in clear
	auth string      // Proxy-Authorization, or empty; never printed
	told atomic.Int64
}

// Errors that the parent proxy is the cause of.
var (
	ErrParent     = errors.New("parent proxy")
	ErrParentAuth = errors.New("it wants other credentials") // a 407, or a 401
)

// parentHint is what [NewParent] takes.
const parentHint = "write http://host:port or https://user:password@host:port"

// NewParent reads http[s]://[user:pass@]host:port. An https parent is held to
// trust. Empty means no parent: nil.
func NewParent(s string, trust *peer.Trust) (*Parent, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return nil, setting.Errorf("parent", parentHint, "not the address of a proxy")
	}
	p := &Parent{addr: u.Host}
	if u.Scheme == "https" {
		p.tls = trust.Config()
		p.tls.ServerName, p.tls.NextProtos, p.tls.ClientSessionCache = u.Hostname(), []string{"http/1.1"}, tls.NewLRUClientSessionCache(8)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p, nil
}

// maxParentReply bounds the head of the parent's answer to CONNECT, in bytes.
const maxParentReply = 16 << 10

// Dial opens a tunnel to a through the parent. ctx bounds all of it: the
// connection, TLS and the answer. A parent that own tells to be ourselves is
// not spoken to; nil knows none.
func (p *Parent) Dial(ctx context.Context, a hosts.Authority, own func(netip.AddrPort) bool) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	}
	if own != nil && own(addrPort(conn.RemoteAddr())) {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrParent, ErrLoop)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	tunnel, err := p.open(ctx, conn, a)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		p.tell(err)
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	}
	return tunnel, nil
}

func (p *Parent) open(ctx context.Context, conn net.Conn, a hosts.Authority) (net.Conn, error) {
	if p.tls != nil {
		tc := tls.Client(conn, p.tls)
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with it: %w", err)
		}
		conn = tc
	}
	return conn, p.connect(conn, a)
}

func (p *Parent) connect(conn net.Conn, a hosts.Authority) error {
	head := "CONNECT " + a.String() + " HTTP/1.1\r\nHost: " + a.String() + "\r\n"
	if p.auth != "" {
		head += "Proxy-Authorization: " + p.auth + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return err
	}
	// One byte at a time, so that nothing behind the answer is swallowed.
	reply := bufio.NewReaderSize(io.LimitReader(oneByte{conn}, maxParentReply), 16)
	resp, err := http.ReadResponse(reply, &http.Request{Method: http.MethodConnect})
	switch {
	case err != nil:
		return fmt.Errorf("read its answer to CONNECT: %w", err)
	case resp.StatusCode == http.StatusProxyAuthRequired, resp.StatusCode == http.StatusUnauthorized:
		return ErrParentAuth // 401 is an origin's word (RFC 9110, 15.5.2); no origin was reached yet, so it is a proxy's
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("it answered CONNECT with %d", resp.StatusCode)
	default:
		return nil
	}
}

// tell logs a refusal of our credentials once a minute: it concerns every connection alike.
func (p *Parent) tell(err error) {
	if p.Log == nil || !errors.Is(err, ErrParentAuth) {
		return
	}
	now, last := time.Now().UnixNano(), p.told.Load()
	if now-last > int64(time.Minute) && p.told.CompareAndSwap(last, now) {
		p.Log.Warn("the parent proxy answers 407 or 401: it does not take the credentials in upstream.parent (Basic), or wants some where there are none", "parent", p.addr)
	}
}

type oneByte struct{ io.Reader }

func (r oneByte) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return r.Reader.Read(b[:1])
}
