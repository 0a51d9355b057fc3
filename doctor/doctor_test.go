package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/doctor"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
	"github.com/tenantgate/tenantgate/setting"
)

// finding examines s and returns what one check found.
func finding(t *testing.T, s *doctor.Subject, name string) doctor.Finding {
	t.Helper()
	if s.Now == nil {
		s.Now = time.Now
	}
	for _, f := range doctor.Examine(t.Context(), s, nil) {
		if f.Check == name {
			if f.What == "" || f.Status == doctor.Fail && f.Hint == "" {
				t.Errorf("%s says too little: %+v", name, f)
			}
			return f
		}
	}
	t.Fatalf("no check %s", name)
	return doctor.Finding{}
}

func TestEachPACFileIsJudged(t *testing.T) {
	here := proxytest.Closed(t)
	good := doctor.Route{Proxies: []string{"192.0.2.2:8080", here}}
	always := func(r doctor.Route, err error) func(string) (doctor.Route, error) {
		return func(string) (doctor.Route, error) { return r, err }
	}
	const kind = "application/x-ns-proxy-autoconfig"
	for name, tt := range map[string]struct {
		status int
		kind   string
		route  func(host string) (doctor.Route, error)
		mode   string
		want   doctor.Status
		says   string
	}{
		"as it should be": {200, kind, always(good, nil), "", doctor.Pass, "here"},
		"one sign-in past it": {200, kind, func(h string) (doctor.Route, error) {
			return map[bool]doctor.Route{false: good}[h == "login.live.com"], nil
		}, "", doctor.Fail, "login.live.com past the proxy"},
		"another proxy":    {200, kind, always(doctor.Route{Proxies: []string{"192.0.2.9:1"}}, nil), "", doctor.Fail, "192.0.2.9:1, not here"},
		"fails open":       {200, kind, always(doctor.Route{Proxies: []string{here}, FailsOpen: true}, nil), "", doctor.Warn, "DIRECT"},
		"broken":           {200, kind, always(doctor.Route{}, errors.New("syntax")), "", doctor.Fail, "syntax"},
		"not there":        {404, kind, nil, "", doctor.Fail, "the answer is 404"},
		"elsewhere":        {302, kind, nil, "", doctor.Fail, "the answer is 302"},
		"exempt hosts too": {200, kind, always(good, nil), "enforce", doctor.Warn, "device.login.microsoftonline.com"},
		"another type":     {200, "text/html", always(good, nil), "", doctor.Warn, "text/html"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tt.kind)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.status)
		}))
		s := &doctor.Subject{Proxy: here, PAC: server.URL, Mode: tt.mode, Route: func(_ []byte, h string) (doctor.Route, error) { return tt.route(h) }}
		if f := finding(t, s, "pac"); f.Status != tt.want || !strings.Contains(f.What, tt.says) {
			t.Errorf("%s: %+v", name, f)
		}
		server.Close()
	}
}

// Each row breaks one thing, and the check for it fails and says why.
func TestWhatIsBrokenIsFound(t *testing.T) {
	ours, public, ended := newAuthority(t, "tenantgate interception CA 1234", 1000*24*time.Hour), newAuthority(t, "Public Root", time.Hour*999), newAuthority(t, "tenantgate interception CA 5678", -time.Hour)
	all := append(ours.pem(), public.pem()...)
	usual := func(host string) *authority {
		if strings.HasPrefix(host, "device.") || strings.HasPrefix(host, "enterprise") {
			return &public
		}
		return &ours
	}
	everywhere := func(a *authority) func(string) *authority { return func(string) *authority { return a } }
	for name, tt := range map[string]struct {
		box    box
		change func(*doctor.Subject)
		check  string
		want   doctor.Status
		says   string
	}{
		"all is well":                  {box{by: usual}, nil, "intercepted", doctor.Pass, "certificate of the proxy"},
		"all is well with devices":     {box{by: usual}, nil, "exempt", doctor.Pass, "not decrypted"},
		"all is well with trust":       {box{by: usual}, nil, "trust", doctor.Pass, "trusts"},
		"known by its name":            {box{by: usual}, func(s *doctor.Subject) { s.Root = nil }, "intercepted", doctor.Pass, ""},
		"tunnelled":                    {box{by: everywhere(&public)}, nil, "intercepted", doctor.Fail, `"Public Root"`},
		"tunnelled, root not given":    {box{by: everywhere(&public)}, func(s *doctor.Subject) { s.Root = nil }, "intercepted", doctor.Fail, `"Public Root"`},
		"refused":                      {box{by: everywhere(nil)}, nil, "intercepted", doctor.Fail, "403 exempt-blocked"},
		"devices decrypted":            {box{by: everywhere(&ours)}, nil, "exempt", doctor.Fail, "device.login.microsoftonline.com is decrypted"},
		"devices decrypted by another": {box{by: everywhere(&ended)}, nil, "exempt", doctor.Warn, "does not trust"},
		"devices refused":              {box{by: everywhere(nil)}, nil, "exempt", doctor.Pass, "policy.exempt"},
		"not trusted":                  {box{by: usual}, func(s *doctor.Subject) { s.Roots = public.pem() }, "trust", doctor.Fail, "does not trust"},
		"not trusted, not sent":        {box{by: usual}, func(s *doctor.Subject) { s.Roots, s.Root = public.pem(), nil }, "tag", doctor.Skipped, "nothing was sent"},
		"CA ended":                     {box{by: everywhere(&ended)}, func(s *doctor.Subject) { s.Root = ended.cert }, "trust", doctor.Fail, "ended on"},
		"CA ends soon": {box{by: usual}, func(s *doctor.Subject) {
			s.Device, s.Now = false, func() time.Time { return ours.cert.NotAfter.Add(-time.Hour) }
		}, "trust", doctor.Warn, "ends on"},
		"clock":        {box{by: usual, date: time.Now().Add(-time.Hour)}, nil, "clock", doctor.Fail, "off by 1h"},
		"clock drifts": {box{by: usual, date: time.Now().Add(2 * time.Minute)}, nil, "clock", doctor.Warn, "off by -"},
		"clock of the proxy": {box{by: usual, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Tenantgate-Reason", "origin-unreachable")
		}}, nil, "clock", doctor.Skipped, "origin-unreachable"},
		"clock is right":          {box{by: usual}, nil, "clock", doctor.Pass, ""},
		"no proxy":                {box{by: usual}, func(s *doctor.Subject) { s.Proxy = proxytest.Closed(t) }, "proxy", doctor.Fail, "not reached"},
		"no proxy, not decrypted": {box{by: usual}, func(s *doctor.Subject) { s.Proxy = proxytest.Closed(t) }, "exempt", doctor.Fail, "dial"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &doctor.Subject{Proxy: tt.box.serve(t), Root: ours.cert, Roots: all, Device: true, Canary: doctor.Canary{Tenant: "fabrikam.com"}}
			if tt.change != nil {
				tt.change(s)
			}
			if f := finding(t, s, tt.check); f.Status != tt.want || !strings.Contains(f.What, tt.says) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestTheCanarySaysWhetherTheTagArrives(t *testing.T) {
	ours := newAuthority(t, "tenantgate interception CA 1234", time.Hour)
	const refusal = `{"error":"access_denied","error_description":"AADSTS%s: no.","error_codes":[%[1]s]}`
	for name, tt := range map[string]struct {
		status       int
		reason, body string
		want         doctor.Status
		says         string
	}{
		"refused for the tag":     {400, "", fmt.Sprintf(refusal, "5000211"), doctor.Pass, "AADSTS5000211"},
		"refused, v1":             {400, "", fmt.Sprintf(refusal, "500021"), doctor.Pass, "AADSTS500021"},
		"let in":                  {200, "", `{"access_token":"secret-token"}`, doctor.Fail, "let the canary sign in"},
		"let in, the proxy not":   {400, "external-account", `{"error":"access_denied"}`, doctor.Fail, "external-account"},
		"refused for the app":     {400, "", fmt.Sprintf(refusal, "700016"), doctor.Warn, "AADSTS700016"},
		"refused for a long code": {400, "", fmt.Sprintf(refusal, "50002119"), doctor.Warn, "AADSTS50002119"},
		"nobody's answer":         {502, "", "<html>", doctor.Warn, "502"},
	} {
		asked := ""
		b := box{by: func(string) *authority { return &ours }, answer: func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				return
			}
			asked = r.Host + r.URL.Path + " " + r.PostFormValue("client_secret") + " " + r.Header.Get("User-Agent")
			if tt.reason != "" {
				w.Header().Set("Tenantgate-Reason", tt.reason)
			}
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		}}
		s := &doctor.Subject{Proxy: b.serve(t), Root: ours.cert, Agent: "tenantgate-doctor/1", Canary: doctor.Canary{Tenant: "fabrikam.com", Secret: "s3cret"}}
		f := finding(t, s, "tag")
		if f.Status != tt.want || !strings.Contains(f.What, tt.says) || strings.Contains(f.What+f.Hint, "s3cret") || strings.Contains(f.What, "secret-token") {
			t.Errorf("%s: %+v", name, f)
		}
		if asked != "login.microsoftonline.com/fabrikam.com/oauth2/v2.0/token s3cret tenantgate-doctor/1" {
			t.Errorf("%s: asked %q", name, asked)
		}
	}
	s := &doctor.Subject{Proxy: proxytest.Closed(t)}
	if f := finding(t, s, "tag"); f.Status != doctor.Skipped {
		t.Errorf("without a canary: %+v", f)
	}
}

func TestNamesMustLeadWhereTheyShould(t *testing.T) {
	for name, tt := range map[string]struct {
		lookup func(context.Context, string) ([]netip.Addr, error)
		device bool
		want   doctor.Status
	}{
		"published": {to("20.190.130.1"), false, doctor.Pass}, "a parent's": {nil, false, doctor.Skipped},
		"elsewhere": {to("198.51.100.1"), false, doctor.Warn}, "steered to itself": {to("10.0.0.1"), false, doctor.Fail},
		"none": {nowhere, false, doctor.Fail}, "none, on a device": {nowhere, true, doctor.Skipped},
		"steered here": {to("127.0.0.1"), true, doctor.Pass}, "steered elsewhere": {to("10.0.0.1"), true, doctor.Warn},
	} {
		s := &doctor.Subject{Proxy: proxytest.Closed(t), Device: tt.device, Lookup: tt.lookup, Ranges: []netip.Prefix{netip.MustParsePrefix("20.190.128.0/18")}}
		if f := finding(t, s, "dns"); f.Status != tt.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// What is sent has the shape that RFC 9000 asks of a first packet of a version
// that the server does not know.
func TestUDPThatIsAnsweredIsFound(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, 2048)
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		got <- b[:n]
		_, _ = conn.WriteTo([]byte{0x80, 0, 0, 0, 0}, from)
	}()
	if f := finding(t, &doctor.Subject{Proxy: proxytest.Closed(t), QUIC: conn.LocalAddr().String()}, "quic"); f.Status != doctor.Fail {
		t.Errorf("answered: %+v", f)
	}
	if b := <-got; len(b) != 1200 || b[0]&0xc0 != 0xc0 || b[1]&0xf != 0xa || b[4]&0xf != 0xa || b[5] != 8 || b[14] != 8 {
		t.Errorf("sent %d octets: %x", len(b), b[:24])
	}
	conn.Close()
	if f := finding(t, &doctor.Subject{Proxy: proxytest.Closed(t), QUIC: conn.LocalAddr().String()}, "quic"); f.Status != doctor.Pass {
		t.Errorf("closed: %+v", f)
	}
	if f := finding(t, &doctor.Subject{Proxy: proxytest.Closed(t)}, "quic"); f.Status != doctor.Skipped {
		t.Errorf("not named: %+v", f)
	}
}

func TestReadinessIsPassedOn(t *testing.T) {
	for body, want := range map[string][2]doctor.Status{
		`{"components":[{"name":"ca","ok":true}]}`:                                                {doctor.Pass, doctor.Skipped},
		`{"components":[{"name":"events","ok":false,"detail":"disk full"}]}`:                      {doctor.Fail, doctor.Skipped},
		`{"components":[{"name":"sink.siem.syslog","ok":true,"detail":"connection refused"}]}`:    {doctor.Pass, doctor.Warn},
		`{"components":[{"name":"sink.siem.syslog","ok":true},{"name":"sink.b.file","ok":true}]}`: {doctor.Pass, doctor.Pass},
		`nothing`: {doctor.Fail, doctor.Skipped},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		s := &doctor.Subject{Proxy: proxytest.Closed(t), Admin: strings.TrimPrefix(server.URL, "http://")}
		if got := [2]doctor.Status{finding(t, s, "ready").Status, finding(t, s, "sinks").Status}; got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
		server.Close()
	}
}

func TestAConfigurationThatProvesNothingIsRefused(t *testing.T) {
	const home = "11111111-1111-1111-1111-111111111111"
	for path, c := range map[string]doctor.Config{
		"every":         {Every: time.Second},
		"canary.tenant": {Canary: doctor.Canary{Tenant: home}},
		"canary.client": {Canary: doctor.Canary{Tenant: "fabrikam.com", Client: "x"}},
	} {
		bad, ok := errors.AsType[*setting.Error](c.Check(home))
		if !ok || bad.Path != path {
			t.Errorf("%+v: %v", c, c.Check(home))
		}
	}
	for _, tenant := range []string{"a/b", "..", "a b", "fabrikam.com?x", "-"} {
		if (doctor.Config{Canary: doctor.Canary{Tenant: tenant}}).Check(home) == nil {
			t.Errorf("%q is taken", tenant)
		}
	}
	if err := (doctor.Config{Every: 5 * time.Minute, Canary: doctor.Canary{Tenant: "fabrikam.com"}}).Check(home); err != nil {
		t.Error(err)
	}
}
