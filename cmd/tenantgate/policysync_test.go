package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/config"
)

const (
	syncSecret = "the-applications-s3cret"
	graphToken = "graph-access-t0ken"
)

// graphCloud imitates the sign-in service and Microsoft Graph over TLS, as far
// as a sync needs them: real names, a certificate of a CA of its own.
type graphCloud struct {
	roots    []byte
	addr     string
	answers  map[string]string // by path and query, of Graph
	status   int               // of Graph's answers; 0 is 200
	redirect string            // where Graph sends everything instead
	asked    []string
}

func newGraphCloud(t *testing.T) *graphCloud {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"login.microsoftonline.com", "graph.microsoft.com"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	g := &graphCloud{roots: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), answers: map[string]string{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	s.StartTLS()
	t.Cleanup(s.Close)
	g.addr = s.Listener.Addr().String()
	return g
}

func (g *graphCloud) serve(w http.ResponseWriter, r *http.Request) {
	g.asked = append(g.asked, r.Host+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	const login = "https://login.microsoftonline.com/"
	switch {
	case r.Host == "graph.microsoft.com" && r.Header.Get("Authorization") != "Bearer "+graphToken:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Host == "graph.microsoft.com" && g.redirect != "":
		http.Redirect(w, r, g.redirect, http.StatusFound)
	case r.Host == "graph.microsoft.com":
		if g.status != 0 {
			w.WriteHeader(g.status)
		}
		fmt.Fprint(w, g.answers[r.URL.RequestURI()])
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		fmt.Fprintf(w, `{"tenant_discovery_endpoint":%q,"metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com","login.windows.net"]}]}`,
			login+homeTenant+"/v2.0/.well-known/openid-configuration")
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		at := login + homeTenant
		fmt.Fprintf(w, `{"token_endpoint":%q,"authorization_endpoint":%q,"issuer":%q}`, at+"/oauth2/v2.0/token", at+"/oauth2/v2.0/authorize", at+"/v2.0")
	case r.PostFormValue("client_secret") != syncSecret || r.PostFormValue("scope") != "https://graph.microsoft.com/.default openid offline_access profile":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`)
	default:
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, graphToken)
	}
}

// LookupNetIP and connect make of every name an address outside and lead
// that here.
func (g *graphCloud) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("20.190.128.1")}, nil
}

func (g *graphCloud) connect(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", g.addr)
}

// sync runs one sync in dir, with a configuration that names the secret.
func (g *graphCloud) sync(t *testing.T, dir, secret, policyID string) (out, errs string, err error) {
	t.Helper()
	file := filepath.Join(dir, "tenantgate.yaml")
	src := []byte(fmt.Sprintf("state: %s\ntenant: {id: %s, policy: %s}\npolicy:\n  from: %s\n  sync: {credential: secret, client: 55555555-5555-5555-5555-555555555555, secret: %s}\n",
		dir, homeTenant, policyID, filepath.Join(dir, "entra.yaml"), secret))
	if err := os.WriteFile(file, src, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse(file, src)
	if err != nil {
		t.Fatal(err)
	}
	b, err := assemble(f, surroundings{offline: true, digestKey: make([]byte, 32), roots: g.roots, resolver: g, connect: g.connect})
	if err != nil {
		t.Fatal(err)
	}
	defer (&http.Client{Transport: b.rules.HTTP}).CloseIdleConnections()
	var o, e bytes.Buffer
	err = (&syncing{file: file, src: src, config: f, output: f.Policy.From, transport: b.rules.HTTP}).run(t.Context(), &o, &e)
	for _, text := range []string{o.String(), e.String(), fmt.Sprint(err)} {
		if strings.Contains(text, syncSecret) || strings.Contains(text, graphToken) {
			t.Errorf("a secret is told: %s", text)
		}
	}
	return o.String(), e.String(), err
}

const graphPath = "/beta/policies/crossTenantAccessPolicy"

func all(accessType string) string {
	return `{"usersAndGroups":{"accessType":"` + accessType + `","targets":[{"target":"AllUsers","targetType":"user"}]},` +
		`"applications":{"accessType":"` + accessType + `","targets":[{"target":"AllApplications","targetType":"application"}]}}`
}

func graphAnswers() map[string]string {
	partner := func(id string) string {
		return `{"tenantId":"` + id + `","tenantRestrictions":` + all("allowed") + `,"b2bCollaborationOutbound":null}`
	}
	return map[string]string{
		graphPath + "/default":               `{"id":"` + homePolicy + `","tenantRestrictions":` + all("blocked") + `,"b2bCollaborationOutbound":` + all("blocked") + `}`,
		graphPath + "/partners":              `{"value":[` + partner(foreignTenant) + `],"@odata.nextLink":"https://graph.microsoft.com` + graphPath + `/partners?$skiptoken=2"}`,
		graphPath + "/partners?$skiptoken=2": `{"value":[` + partner("44444444-4444-4444-4444-444444444444") + `]}`,
	}
}

func TestSyncWritesWhatGraphSaysAndTheProxyUsesIt(t *testing.T) {
	g, dir := newGraphCloud(t), t.TempDir()
	g.answers = graphAnswers()
	out, errs, err := g.sync(t, dir, syncSecret, homePolicy)
	if err != nil || !strings.Contains(out, "entra.yaml: written, the default and 2 organizations") || errs != "" {
		t.Fatalf("%s%s%v", out, errs, err)
	}
	f, err := config.Read(filepath.Join(dir, "tenantgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Policy.Partners) != 2 || f.Policy.Default.Outbound.Setting != "block" {
		t.Errorf("policy: %+v", f.Policy)
	}
	if info, err := os.Stat(f.Policy.From); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if out, _, err := g.sync(t, dir, syncSecret, homePolicy); err != nil || !strings.Contains(out, "unchanged") {
		t.Errorf("again: %s%v", out, err)
	}
}

// What a killed sync left goes with the next, even where that changes nothing;
// the file of a sync that runs stays.
func TestASyncSweepsWhatAKilledOneLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "entra.yaml")
	for _, text := range []string{"new\n", "new\n", "newer\n"} {
		old, young := filepath.Join(dir, ".entra-1.yaml"), filepath.Join(dir, ".entra-2.yaml")
		other := filepath.Join(dir, "entra-3.yaml")
		for _, file := range []string{old, young, other} {
			if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := time.Now().Add(-2 * time.Hour)
		if err := errors.Join(os.Chtimes(old, before, before), os.Chtimes(other, before, before)); err != nil {
			t.Fatal(err)
		}
		if _, err := replaceFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); !slices.Equal(left, []string{young, other, path}) {
			t.Errorf("%q: left are %v", text, left)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
	}
}

// Whatever goes wrong, the last good file stays, and the error says so.
func TestAFailedSyncLeavesTheLastGoodFile(t *testing.T) {
	const elsewhere = "33333333-aaaa-4333-8333-333333333333"
	for name, tt := range map[string]struct {
		change   func(*graphCloud)
		secret   string
		policyID string
		want     string
	}{
		"no permission": {func(g *graphCloud) {
			g.status = 403
			g.answers[graphPath+"/default"] = `{"error":{"code":"Authorization_RequestDenied"}}`
		}, "", "", "answered 403 Authorization_RequestDenied"},
		"wrong secret":      {nil, "another", "", "get a token: "},
		"another policy":    {nil, "", elsewhere, "tenant.policy: is not the id of the default cross-tenant access policy, which Graph says is " + homePolicy},
		"no JSON":           {func(g *graphCloud) { g.answers[graphPath+"/partners"] = "<html>" }, "", "", "is not JSON"},
		"a page is missing": {func(g *graphCloud) { g.answers[graphPath+"/partners?$skiptoken=2"] = "" }, "", "", "is not JSON"},
		"pages without end": {func(g *graphCloud) {
			g.answers[graphPath+"/partners?$skiptoken=2"] = `{"value":[],"@odata.nextLink":"https://graph.microsoft.com` + graphPath + `/partners?$skiptoken=2"}`
		}, "", "", "goes on elsewhere"},
		"a page elsewhere": {func(g *graphCloud) {
			g.answers[graphPath+"/partners"] = `{"value":[],"@odata.nextLink":"https://evil.example/partners"}`
		}, "", "", "goes on elsewhere"},
		"a redirect": {func(g *graphCloud) { g.redirect = "https://evil.example/" }, "", "", "answered 302"},
		"home among partners": {func(g *graphCloud) {
			g.answers[graphPath+"/partners"] = `{"value":[{"tenantId":"` + homeTenant + `","tenantRestrictions":null}]}`
		}, "", "", "is the home tenant"},
		"not the default":      {func(g *graphCloud) { g.answers[graphPath+"/default"] = `{"value":[]}` }, "", "", "is not the default settings"},
		"unknown access type":  {func(g *graphCloud) { g.answers[graphPath+"/default"] = `{"tenantRestrictions":` + all("perhaps") + `}` }, "", "", `accessType "perhaps"`},
		"a certificate nobody": {func(g *graphCloud) { g.roots = nil }, "", "", "get a token: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, dir := newGraphCloud(t), t.TempDir()
			g.answers = graphAnswers()
			if _, _, err := g.sync(t, dir, syncSecret, homePolicy); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(filepath.Join(dir, "entra.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(g)
			}
			secret, policyID := syncSecret, homePolicy
			if tt.secret != "" {
				secret = tt.secret
			}
			if tt.policyID != "" {
				policyID = tt.policyID
			}
			_, _, err = g.sync(t, dir, secret, policyID)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			after, err := os.ReadFile(filepath.Join(dir, "entra.yaml"))
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the last good file is gone: %v\n%s", err, after)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".entra-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			for _, host := range g.asked {
				if strings.HasPrefix(host, "evil") {
					t.Errorf("%s was asked", host)
				}
			}
		})
	}
}

func TestTheIDsOfSyncAreChecked(t *testing.T) {
	for setting, want := range map[string]string{
		"{credential: secret}":                                           "policy.sync.client: is missing",
		"{credential: secret, client: x}":                                "policy.sync.secret: is missing",
		"{credential: certificate, client: x, certificate: nowhere.pem}": "policy.sync.certificate: has no certificate with its key",
	} {
		src := "tenant: {id: " + homeTenant + ", policy: " + homePolicy + "}\npolicy: {sync: " + setting + "}\n"
		f, err := config.Parse("f.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		err = (&syncing{config: f, transport: http.DefaultTransport}).run(t.Context(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "f.yaml:2:") {
			t.Errorf("%s: %v, want %s", setting, err, want)
		}
	}
}
