package proxy

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Parent is an existing proxy that connections to origins go through.
type Parent struct {
	addr string // host:port
	auth string // Proxy-Authorization, or empty; never printed
}

// ErrParent is wrapped by errors that the parent proxy is the cause of.
var ErrParent = errors.New("parent proxy")

// NewParent reads http://[user:pass@]host:port. Empty means no parent: nil.
func NewParent(s string) (*Parent, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || u.Port() == "" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return nil, setting.Errorf("parent", "write http://host:port or http://user:password@host:port", "not the address of a proxy")
	}
	p := &Parent{addr: u.Host}
	if u.User != nil {
		password, _ := u.User.Password()
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p, nil
}

// maxParentReply bounds the head of the parent's answer to CONNECT, in bytes.
const maxParentReply = 16 << 10

// Dial opens a tunnel to a through the parent.
func (p *Parent) Dial(ctx context.Context, a hosts.Authority) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if err := p.connect(conn, a); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	}
	return conn, conn.SetDeadline(time.Time{})
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
	if err != nil {
		return fmt.Errorf("read its answer to CONNECT: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered CONNECT with %d", resp.StatusCode)
	}
	return nil
}

type oneByte struct{ io.Reader }

func (r oneByte) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return r.Reader.Read(b[:1])
}
