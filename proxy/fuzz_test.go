package proxy_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// FuzzSOCKSRequest: what is taken for a request means what another request
// says that is written from it, and what is behind it is left for TLS.
func FuzzSOCKSRequest(f *testing.F) {
	for _, target := range []string{"www.example.com:443", "LOGIN.MicrosoftOnline.com.:443", "8.8.8.8:443", "[2603:1006:2000::1]:8443", "127.1:0"} {
		request, ok := proxytest.SOCKS(target)
		if !ok {
			f.Fatal(target)
		}
		f.Add([]byte(request + "\x16\x03\x01"))
	}
	f.Add([]byte("\x05\x02\x00\x02\x05\x01\x00\x03\x03a.b\x01\xbb"))
	f.Add([]byte("\x05\x01\x02\x01\x05alice\x07hunter2\x05\x01\x00\x03\x03a.b\x01\xbb"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		a, err := proxy.ReadSOCKS(said{Reader: in})
		if err != nil {
			return
		}
		if in.Len() > len(b)-11 { // methods, and a name of one letter
			t.Errorf("%q: %d bytes were enough for %s", b, len(b)-in.Len(), a)
		}
		again, ok := proxytest.SOCKS(a.String())
		if !ok {
			t.Fatalf("%q became %s, which no SOCKS request says", b, a)
		}
		if same, err := proxy.ReadSOCKS(said{Reader: bytes.NewReader([]byte(again))}); err != nil || same != a {
			t.Errorf("%q became %s, and that %s, %v", b, a, same, err)
		}
		if same, err := hosts.ParseAuthority(a.String(), 0); err != nil || same != a {
			t.Errorf("%q became %s, which CONNECT reads as %s, %v", b, a, same, err)
		}
	})
}

// FuzzHello: a hello that was looked at is whole for who answers it, and names
// to both the same host.
func FuzzHello(f *testing.F) {
	for _, cfg := range []*tls.Config{
		{ServerName: "login.microsoftonline.com", NextProtos: []string{"h2", "http/1.1"}},
		{ServerName: "www.example.com", MaxVersion: tls.VersionTLS12},
		{InsecureSkipVerify: true},
		{ServerName: "hidden.example", EncryptedClientHelloConfigList: proxytest.ECHConfig("public.example"), MinVersion: tls.VersionTLS13},
	} {
		var out bytes.Buffer
		_ = tls.Client(said{Reader: &bytes.Reader{}, out: &out}, cfg).Handshake() // nobody answers
		f.Add(out.Bytes())
		f.Add(fragmented(out.Bytes(), 60))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		name, after, err := proxy.PeekHello(said{Reader: bytes.NewReader(b)})
		if rest, _ := io.ReadAll(after); !bytes.Equal(rest, b) {
			t.Errorf("%d bytes became %d", len(b), len(rest))
		}
		var read string
		seen := errors.New("seen")
		shook := tls.Server(said{Reader: bytes.NewReader(b)}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			read = h.ServerName
			return nil, seen
		}}).Handshake()
		if err == nil && (!errors.Is(shook, seen) || read != name) {
			t.Errorf("the hello is for %q, and whoever answers reads %q, %v", name, read, shook)
		}
	})
}

// fragmented is a hello in records of size bytes each (RFC 8446, 5.1).
func fragmented(hello []byte, size int) []byte {
	var out []byte
	for body := hello[5:]; len(body) > 0; {
		n := min(size, len(body))
		out = append(out, hello[:3]...)
		out = binary.BigEndian.AppendUint16(out, uint16(n))
		out = append(out, body[:n]...)
		body = body[n:]
	}
	return out
}

// said is a connection of a client that has said everything it will.
type said struct {
	net.Conn
	io.Reader
	out *bytes.Buffer
}

func (s said) Read(b []byte) (int, error) { return s.Reader.Read(b) }
func (s said) Write(b []byte) (int, error) {
	if s.out != nil {
		return s.out.Write(b)
	}
	return len(b), nil
}
func (s said) SetDeadline(time.Time) error     { return nil }
func (s said) SetReadDeadline(time.Time) error { return nil }
func (s said) Close() error                    { return nil }
