package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/doctor"
)

// answered is what a resolver says of a name and a type.
type answered map[string]struct {
	code    string
	answers int
}

func (a answered) ask(_ context.Context, name, kind string) (string, int, error) {
	if one, ok := a[name+" "+kind]; ok {
		return one.code, one.answers, nil
	}
	if name == "use-application-dns.net" {
		return "NXDOMAIN", 0, nil
	}
	return "NOERROR", 0, nil
}

// origin answers TLS for every name with a leaf of by.
func origin(t *testing.T, by authority) (addr string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		leaf, key := issue(t, by, &x509.Certificate{DNSNames: []string{h.ServerName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
		return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// A device that knows the resolver, and no proxy.
func TestASteeredDeviceIsExamined(t *testing.T) {
	ours, public := newAuthority(t, "tenantgate interception CA 1234", time.Hour), newAuthority(t, "Public Root", time.Hour)
	steered, elsewhere := origin(t, ours), origin(t, public)
	const proxyAt, deviceAt, microsoft = "10.0.0.7", "198.51.100.9", "20.190.130.1"
	type subject = doctor.Subject
	for _, tt := range []struct {
		name, check string
		change      func(*subject)
		want        doctor.Status
		says        string
	}{
		{"all is well", "proxy", nil, doctor.Skipped, "no proxy"},
		{"all is well", "dns", nil, doctor.Pass, "away from"},
		{"all is well", "discovery", nil, doctor.Pass, "round"},
		{"all is well", "intercepted", nil, doctor.Pass, "certificate of the proxy"},
		{"all is well", "trust", nil, doctor.Pass, "trusts"},
		{"all is well", "exempt", nil, doctor.Pass, "not decrypted"},
		{"all is well", "clock", nil, doctor.Pass, "agrees"},
		{"another resolver", "dns", func(s *subject) { s.Lookup = to(microsoft) }, doctor.Fail, microsoft},
		{"no resolver", "dns", func(s *subject) { s.Lookup = nowhere }, doctor.Fail, "does not resolve"},
		{"no resolver", "intercepted", func(s *subject) { s.Lookup = nowhere }, doctor.Fail, "look up"},
		{"steered to another", "intercepted", func(s *subject) { s.Lookup = to(deviceAt) }, doctor.Fail, "not decrypted"},
		{"device hosts steered", "exempt", func(s *subject) { s.Lookup = to(proxyAt) }, doctor.Fail, "is decrypted"},
		{"nobody there", "intercepted", func(s *subject) { s.Lookup = to("10.0.0.8") }, doctor.Fail, "connect"},
		{"no resolver named", "discovery", func(s *subject) { s.Ask = nil }, doctor.Skipped, "no resolver"},
		{"HTTPS records", "discovery", func(s *subject) { s.Ask = answered{"login.live.com HTTPS": {"NOERROR", 1}}.ask }, doctor.Fail, "HTTPS records of login.live.com"},
		{"SVCB records", "discovery", func(s *subject) { s.Ask = answered{"login.windows.net SVCB": {"NOERROR", 2}}.ask }, doctor.Fail, "SVCB"},
		{"refused", "discovery", func(s *subject) { s.Ask = answered{"login.microsoftonline.com HTTPS": {"REFUSED", 0}}.ask }, doctor.Fail, "REFUSED"},
		{"Firefox goes elsewhere", "discovery", func(s *subject) { s.Ask = answered{"use-application-dns.net A": {"NOERROR", 1}}.ask }, doctor.Fail, "Firefox"},
		{"silent", "discovery", func(s *subject) {
			s.Ask = func(context.Context, string, string) (string, int, error) { return "", 0, errors.New("timeout") }
		}, doctor.Fail, "timeout"},
	} {
		t.Run(tt.name+", "+tt.check, func(t *testing.T) {
			s := &subject{
				Root: ours.cert, Roots: append(ours.pem(), public.pem()...), Device: true, Ask: answered{}.ask,
				Ranges: []netip.Prefix{netip.MustParsePrefix("20.190.128.0/18")},
				Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
					if strings.HasPrefix(host, "login.") {
						return to(proxyAt)(nil, host)
					}
					return to(deviceAt)(nil, host)
				},
				Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
					at, ok := map[string]string{proxyAt + ":443": steered, deviceAt + ":443": elsewhere}[addr]
					if !ok {
						return nil, errors.New("no route")
					}
					return net.Dial(network, at)
				},
			}
			if tt.change != nil {
				tt.change(s)
			}
			if f := finding(t, s, tt.check); f.Status != tt.want || !strings.Contains(f.What, tt.says) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func to(addr string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(addr)}, nil
	}
}

func nowhere(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
