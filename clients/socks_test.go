package clients_test

import (
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
)

func TestCurlOverSOCKSIsJudgedAsOverHTTP(t *testing.T) {
	s := newStage(t, "curl")
	for _, way := range []string{"--socks5-hostname", "--socks5"} {
		for _, user := range []string{"", "alice:wonderland@"} {
			t.Run(way+" "+user, func(t *testing.T) {
				s.Cloud.Reset()
				// A resolver for --socks5, which tells the proxy an address.
				args := []string{"--noproxy", "", way, user + s.proxyAddr(), "--resolve", signInHost + ":443:" + cloudAddr, "--resolve", site + ":443:" + cloudAddr}
				r := s.curl(t, s.caFile, append(args, "--data", secretSignIn(), tokenEndpoint(demo.Foreign.Domains[0]))...)
				if !strings.Contains(r.body, "AADSTS5000211") {
					t.Errorf("sign-in: exit %d, %d: %s %s", r.exit, r.status, r.stderr, r.body)
				}
				s.tagged(t)
				r = s.curl(t, s.rootFile, append(args, "https://"+site+"/")...)
				if r.exit != 0 || r.status != 200 {
					t.Errorf("unlisted: exit %d, %d: %s", r.exit, r.status, r.stderr)
				}
				s.untagged(t, site)
			})
		}
	}
	r := s.curl(t, s.caFile, "--socks5-hostname", s.proxyAddr(), "https://127.0.0.1/")
	const refusedByProxy = 97 // CURLE_PROXY
	if r.exit != refusedByProxy || r.status != 0 {
		t.Errorf("this machine: exit %d, %d: %s", r.exit, r.status, r.stderr)
	}
}

// cloudAddr is an address of the demo cloud.
const cloudAddr = "127.0.0.18"

// proxyAddr is the proxy's host:port.
func (s *stage) proxyAddr() string { return strings.TrimPrefix(s.proxy, "http://") }
