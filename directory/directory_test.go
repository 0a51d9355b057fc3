package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
)

func TestADomainBelongsToTheTenantOfItsMetadata(t *testing.T) {
	c := newCloud(t)
	c.setDomain("contoso.com", contoso)
	c.setDomain(fabrikam, fabrikam)
	d := open(t, Config{Transport: c.transport(t)})
	for name, want := range map[string]string{
		"contoso.com": contoso, "Contoso.COM.": contoso, fabrikam: fabrikam, strings.ToUpper(fabrikam): fabrikam,
	} {
		if got, err := d.Domain(t.Context(), name); got != want || err != nil {
			t.Errorf("Domain(%s) = %s, %v, want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"nobody.example", "common", "organizations", "10.0.0.1", "a/../b.com", "", "contoso.com/x", "büro.de"} {
		if got, err := d.Domain(t.Context(), name); got != "" || !errors.Is(err, ErrUnknown) {
			t.Errorf("Domain(%s) = %s, %v, want ErrUnknown", name, got, err)
		}
	}
	if n := c.asked.Load(); n != 3 {
		t.Errorf("asked %d questions, want 3: malformed names are not sent", n)
	}
	if r := c.request(); r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
		t.Errorf("sent %v", r.Header)
	}
}

func TestAHostBelongsToTheTenantThatItsChallengeNames(t *testing.T) {
	uri := `Bearer authorization_uri="https://login.microsoftonline.com/` + contoso + `/oauth2/authorize", resource_id="https://x"`
	tests := []struct{ host, asked, line string }{
		{"contoso.sharepoint.com", "contoso.sharepoint.com/_vti_bin/client.svc", `Bearer realm="` + contoso + `",client_id="00000003-0000-0ff1-ce00-000000000000",trusted_issuers="00000001-0000-0000-c000-000000000000@*,https://sts.windows.net/*/"`},
		{"contoso-my.sharepoint.com", "contoso-my.sharepoint.com/_vti_bin/client.svc", `NTLM, Bearer realm="` + contoso + `"`},
		{"contoso-admin.sharepoint.com", "contoso-admin.sharepoint.com/_vti_bin/client.svc", `bearer Realm="` + contoso + `"`},
		{"v.vault.azure.net", "v.vault.azure.net/secrets", `Bearer authorization="https://login.windows.net/` + contoso + `", resource="https://vault.azure.net"`},
		{"a.blob.core.windows.net", "a.blob.core.windows.net/", `Bearer authorization_uri=https://login.microsoftonline.com/` + contoso + `/oauth2/authorize resource_id=https://storage.azure.com`},
		{"a-secondary.dfs.core.windows.net", "a.blob.core.windows.net/", uri},
		{"org.crm4.dynamics.com", "org.crm4.dynamics.com/api/data/v9.2/WhoAmI", uri},
	}
	for _, tt := range tests {
		c := newCloud(t)
		c.set(tt.asked, challenge(tt.line))
		d := open(t, Config{Transport: c.transport(t)})
		n := hosts.Name(tt.host)
		if got, err := d.Host(t.Context(), n); got != contoso || err != nil {
			t.Errorf("Host(%s) = %s, %v", n, got, err)
		}
		if got, ok := d.Known(n); got != contoso || !ok {
			t.Errorf("Known(%s) = %s, %v after Host", n, got, ok)
		}
	}
}

func TestASubscriptionBelongsToTheTenantThatARMNames(t *testing.T) {
	c := newCloud(t)
	c.set("management.azure.com/subscriptions/"+sub, challenge(
		`Bearer authorization_uri="https://login.windows.net/`+fabrikam+`", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`))
	d := open(t, Config{Transport: c.transport(t)})
	if got, err := d.Subscription(t.Context(), sub); got != fabrikam || err != nil {
		t.Errorf("Subscription = %s, %v", got, err)
	}
	if q := c.request().URL.RawQuery; q != "api-version=2020-01-01" {
		t.Errorf("query = %s", q)
	}
	if _, err := d.Subscription(t.Context(), "../"+sub); !errors.Is(err, ErrUnknown) {
		t.Errorf("Subscription = %v, want ErrUnknown", err)
	}
}

func TestHostsWithoutARuleAreNotAsked(t *testing.T) {
	c := newCloud(t)
	d := open(t, Config{Transport: c.transport(t)})
	for _, n := range []hosts.Name{
		"graph.microsoft.com", "sharepoint.com", "a.b.sharepoint.com", "contoso.sharepoint.com.evil.example", "evilsharepoint.com",
		"x.crm4x.dynamics.com", "dynamics.com", "core.windows.net", "", "CONTOSO.sharepoint.com", "a/b.sharepoint.com", "a@b.sharepoint.com",
	} {
		if got, err := d.Host(t.Context(), n); got != "" || !errors.Is(err, ErrUnknown) {
			t.Errorf("Host(%q) = %s, %v, want ErrUnknown", n, got, err)
		}
	}
	if n := c.asked.Load(); n != 0 {
		t.Errorf("asked %d questions", n)
	}
}

func TestHostileAnswersTeachNothing(t *testing.T) {
	issuer := "https://login.microsoftonline.com/" + contoso + "/v2.0"
	endpoint := "https://login.microsoftonline.com/" + contoso + "/oauth2/v2.0/token"
	domain := entra + "contoso.com/v2.0/.well-known/openid-configuration"
	site := "contoso.sharepoint.com/_vti_bin/client.svc"
	vault := "v.vault.azure.net/secrets"
	tests := map[string]struct {
		at     string
		answer http.HandlerFunc
	}{
		"redirect":          {domain, http.RedirectHandler("https://login.microsoftonline.com/"+contoso+"/v2.0/.well-known/openid-configuration", http.StatusFound).ServeHTTP},
		"issuer mismatch":   {domain, metadata("https://login.microsoftonline.com/"+fabrikam+"/v2.0", endpoint)},
		"no token endpoint": {domain, metadata(issuer, "")},
		"no GUID":           {domain, metadata("https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/common/oauth2/v2.0/token")},
		"plain http":        {domain, metadata(strings.Replace(issuer, "https", "http", 1), endpoint)},
		"zero GUID":         {domain, metadata(strings.ReplaceAll(issuer, "1", "0"), strings.ReplaceAll(endpoint, "1", "0"))},
		"html":              {domain, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }},
		"huge": {domain, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%*s", maxAnswer, "")
			metadata(issuer, endpoint)(w, r)
		}},
		"huge tail": {domain, func(w http.ResponseWriter, r *http.Request) {
			metadata(issuer, endpoint)(w, r)
			fmt.Fprintf(w, "%*s", maxAnswer, "")
		}},
		"200 with an error":       {domain, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":"AADSTS90002"}`) }},
		"site redirect":           {site, http.RedirectHandler("https://login.microsoftonline.com/", http.StatusFound).ServeHTTP},
		"two realms in one line":  {site, challenge(`Bearer realm="` + contoso + `", Bearer realm="` + fabrikam + `"`)},
		"two challenges":          {site, challenge(`Bearer realm="`+contoso+`"`, `Bearer realm="`+fabrikam+`"`)},
		"basic realm":             {site, challenge(`Basic realm="` + contoso + `"`)},
		"site names it elsewhere": {site, challenge(`Bearer authorization_uri="https://login.windows.net/` + contoso + `"`)},
		"realm inside a string":   {site, challenge(`Bearer x="realm=` + contoso + `"`)},
		"open quote":              {site, challenge(`Bearer realm="` + contoso)},
		"200 with a challenge": {site, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+contoso+`"`)
		}},
		"another authority":         {vault, challenge(`Bearer authorization="https://login.windows.net.evil.example/` + contoso + `"`)},
		"authority with userinfo":   {vault, challenge(`Bearer authorization="https://x@login.windows.net/` + contoso + `"`)},
		"authority over plain http": {vault, challenge(`Bearer authorization="http://login.windows.net/` + contoso + `"`)},
		"common authority":          {vault, challenge(`Bearer authorization="https://login.windows.net/common"`)},
		"vault with a realm":        {vault, challenge(`Bearer realm="` + contoso + `"`)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.set(tt.at, tt.answer)
			d := open(t, Config{Transport: c.transport(t)})
			host, _, _ := strings.Cut(tt.at, "/")
			ask := func() (string, error) { return d.Host(t.Context(), hosts.Name(host)) }
			if tt.at == domain {
				ask = func() (string, error) { return d.Domain(t.Context(), "contoso.com") }
			}
			if got, err := ask(); got != "" || !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %s, %v", got, err)
			}
			if n := c.asked.Load(); n != 1 {
				t.Errorf("asked %d questions, want 1: nothing in an answer is followed", n)
			}
		})
	}
	c := newCloud(t)
	c.setDomain(fabrikam, contoso)
	d := open(t, Config{Transport: c.transport(t)})
	if got, err := d.Domain(t.Context(), fabrikam); got != "" || !errors.Is(err, ErrUnavailable) {
		t.Errorf("metadata of another tenant: %s, %v", got, err)
	}
}

func TestAnswersOutliveTheirSource(t *testing.T) {
	c, now, dir := newCloud(t), newClock(), filepath.Join(t.TempDir(), "state", "directory")
	c.setDomain("contoso.com", contoso)
	c.set("contoso.sharepoint.com/_vti_bin/client.svc", challenge(`Bearer realm="`+contoso+`"`))
	cfg := Config{Dir: dir, Transport: c.transport(t), TTL: time.Hour, Now: now.Now}
	d := open(t, cfg)
	for _, err := range []error{second(d.Domain(t.Context(), "contoso.com")), second(d.Host(t.Context(), "contoso.sharepoint.com")), d.Err()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.stop(true)
	now.pass(2 * time.Hour)
	d = open(t, cfg)
	want := Answer{Tenant: contoso, Source: OpenID, Age: 2 * time.Hour, Stale: true}
	if got, err := d.AskDomain(t.Context(), "contoso.com"); err != nil || got != want {
		t.Errorf("after a restart: %+v, %v, want %+v", got, err, want)
	}
	if got, ok := d.Known("contoso.sharepoint.com"); got != contoso || !ok {
		t.Errorf("Known = %s, %v after a restart", got, ok)
	}
	before := c.asked.Load()
	for range 10 {
		_, _ = d.Domain(t.Context(), "contoso.com")
	}
	if n := c.asked.Load() - before; n != 0 {
		t.Errorf("a source that is down was asked %d times more", n)
	}
	if _, err := d.Domain(t.Context(), "fabrikam.com"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Domain = %v, want ErrUnavailable", err)
	}
	c.stop(false)
	now.pass(retryAfter)
	if got, err := d.AskDomain(t.Context(), "contoso.com"); err != nil || got.Stale || got.Age != 0 {
		t.Errorf("after the source came back: %+v, %v", got, err)
	}
	c.stop(true)
	now.pass(longestLife)
	if got, err := d.AskDomain(t.Context(), "contoso.com"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("after %v: %+v, %v, want ErrUnavailable", longestLife, got, err)
	}
	if got, ok := d.Known("contoso.sharepoint.com"); ok {
		t.Errorf("Known = %s after %v", got, longestLife)
	}
}

func second(_ string, err error) error { return err }

func TestEntraMayTakeADomainBackAndAHostMayNot(t *testing.T) {
	c, now := newCloud(t), newClock()
	site := "contoso.sharepoint.com/_vti_bin/client.svc"
	c.setDomain("contoso.com", contoso)
	c.set(site, challenge(`Bearer realm="`+contoso+`"`))
	d := open(t, Config{Transport: c.transport(t), TTL: time.Hour, Now: now.Now})
	_, _ = d.Domain(t.Context(), "contoso.com")
	_, _ = d.Host(t.Context(), "contoso.sharepoint.com")
	now.pass(2 * time.Hour)
	c.set(entra+"contoso.com/v2.0/.well-known/openid-configuration", nil)
	c.set(site, challenge(`Bearer`))
	if got, err := d.Domain(t.Context(), "contoso.com"); got != "" || !errors.Is(err, ErrUnknown) {
		t.Errorf("Domain = %s, %v, want ErrUnknown", got, err)
	}
	if got, err := d.AskHost(t.Context(), "contoso.sharepoint.com"); got.Tenant != contoso || !got.Stale || err != nil {
		t.Errorf("AskHost = %+v, %v, want the last good answer", got, err)
	}
	c.setDomain("contoso.com", fabrikam)
	if _, err := d.Domain(t.Context(), "contoso.com"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Domain = %v, want ErrUnknown to be remembered", err)
	}
	now.pass(unknownTTL)
	if got, err := d.Domain(t.Context(), "contoso.com"); got != fabrikam || err != nil {
		t.Errorf("Domain = %s, %v, want the new owner", got, err)
	}
}

func TestGivenTenantsAreNotAskedFor(t *testing.T) {
	c := newCloud(t)
	c.set("contoso.sharepoint.com/_vti_bin/client.svc", challenge(`Bearer realm="`+fabrikam+`"`))
	d := open(t, Config{Transport: c.transport(t), Tenants: map[string]string{
		"Contoso.com": strings.ToUpper(contoso), "contoso.onmicrosoft.com": contoso, "files.contoso.com": contoso,
	}})
	for _, n := range []string{"contoso.com", "contoso.onmicrosoft.com"} {
		if got, err := d.AskDomain(t.Context(), n); got != (Answer{Tenant: contoso, Source: Given}) || err != nil {
			t.Errorf("AskDomain(%s) = %+v, %v", n, got, err)
		}
	}
	if got, err := d.Host(t.Context(), "files.contoso.com"); got != contoso || err != nil {
		t.Errorf("Host = %s, %v", got, err)
	}
	if got, ok := d.Known("files.contoso.com"); got != contoso || !ok {
		t.Errorf("Known = %s, %v", got, ok)
	}
	if n := c.asked.Load(); n != 0 {
		t.Errorf("asked %d questions", n)
	}
	if got, err := d.Host(t.Context(), "contoso.sharepoint.com"); got != fabrikam || err != nil {
		t.Errorf("Host = %s, %v: an onmicrosoft.com name says nothing of a SharePoint host", got, err)
	}
	if name, ok := d.Name(contoso); name != "contoso.com" || !ok {
		t.Errorf("Name = %s, %v", name, ok)
	}
	if name, ok := d.Name(sub); ok {
		t.Errorf("Name of a stranger = %s", name)
	}
}

func TestBadConfigurationIsRefused(t *testing.T) {
	open := func(cfg Config) error { _, err := New(cfg); return err }
	wide := t.TempDir()
	if err := os.Chmod(wide, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"plain http authority": {Authority: "http://login.microsoftonline.com"},
		"authority with path":  {Authority: "https://login.microsoftonline.com/common"},
		"management":           {Management: "management.azure.com"},
		"tenant is no GUID":    {Tenants: map[string]string{"contoso.com": "contoso"}},
		"name is no host":      {Tenants: map[string]string{"*.*.contoso.com": contoso}},
		"directory too wide":   {Dir: wide},
	} {
		if err := open(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestManyWhoAskTheSameAskOnce(t *testing.T) {
	c := newCloud(t)
	release := make(chan struct{})
	c.setDomain("contoso.com", contoso)
	answer := c.answers[entra+"contoso.com/v2.0/.well-known/openid-configuration"]
	c.set(entra+"contoso.com/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		<-release
		answer(w, r)
	})
	d := open(t, Config{Transport: c.transport(t)})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got, err := d.Domain(t.Context(), "contoso.com"); got != contoso || err != nil {
				t.Errorf("Domain = %s, %v", got, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := c.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// roundTrip is a source without a network, for tests with a fake clock.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestASilentSourceCostsFiveSecondsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{Transport: roundTrip(silent)})
		for _, want := range []time.Duration{askTimeout, 0} {
			start := time.Now()
			_, err := d.Domain(t.Context(), "contoso.com")
			if took := time.Since(start); took != want || !errors.Is(err, ErrUnavailable) {
				t.Errorf("took %v, want %v: %v", took, want, err)
			}
		}
	})
}

func TestASilentSourceIsDownForWhoeverHasLessTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{Transport: roundTrip(silent)})
		for _, want := range []time.Duration{3 * time.Second, 0} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			start := time.Now()
			if _, err := d.Domain(ctx, "contoso.com"); err == nil || time.Since(start) != want {
				t.Errorf("took %v, want %v: %v", time.Since(start), want, err)
			}
			cancel()
		}
	})
}

func TestWhoHasNoTimeAsksNobody(t *testing.T) {
	asked := 0
	d := open(t, Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		asked++
		return nil, errors.New("offline")
	})})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Domain(ctx, "contoso.com"); !errors.Is(err, context.Canceled) || asked != 0 {
		t.Errorf("asked %d questions: %v", asked, err)
	}
}

func TestWhoWaitsOutlivesWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{Transport: roundTrip(silent)})
		leader, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := d.Domain(leader, "contoso.com"); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left: %v", err)
			}
		})
		synctest.Wait()
		start := time.Now()
		wg.Go(func() {
			_, err := d.Domain(t.Context(), "contoso.com")
			if took := time.Since(start); took != time.Second+askTimeout || !errors.Is(err, ErrUnavailable) {
				t.Errorf("the one who waited: %v after %v", err, took)
			}
		})
		time.Sleep(time.Second)
		leave()
		wg.Wait()
	})
}

func TestInventedHostsAreAskedForAtALimitedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		d := open(t, Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			asked++
			return nil, errors.New("no such host")
		})})
		for i := range 10 * askBurst {
			_, _ = d.Host(t.Context(), hosts.Name(fmt.Sprintf("t%d.sharepoint.com", i)))
		}
		if asked != askBurst {
			t.Errorf("asked %d at once, want %d", asked, askBurst)
		}
		time.Sleep(time.Second)
		for i := range 10 * askBurst {
			_, _ = d.Host(t.Context(), hosts.Name(fmt.Sprintf("u%d.sharepoint.com", i)))
		}
		if asked != askBurst+askPerSecond {
			t.Errorf("asked %d after a second, want %d", asked, askBurst+askPerSecond)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	d := open(t, Config{})
	good := key{hostKind, "contoso.sharepoint.com"}
	d.learn(good, contoso, &flight{})
	for i := range 2 * maxEntries {
		d.learn(key{hostKind, fmt.Sprintf("t%d.sharepoint.com", i)}, "", &flight{err: ErrUnknown})
	}
	if n := len(d.entries); n > maxEntries {
		t.Errorf("%d entries, want at most %d", n, maxEntries)
	}
	if got, ok := d.Known("contoso.sharepoint.com"); got != contoso || !ok {
		t.Error("invented names drove a real answer out")
	}
}

func TestKnownDoesNotAllocate(t *testing.T) {
	d := open(t, Config{})
	d.learn(key{hostKind, "contoso.sharepoint.com"}, contoso, &flight{})
	if n := testing.AllocsPerRun(100, func() { d.Known("contoso.sharepoint.com"); d.Known("graph.microsoft.com") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestADamagedCacheCostsQuestionsOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "directory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now := newClock()
	at := now.Now().Add(-time.Minute).Format(time.RFC3339)
	for name, content := range map[string]string{
		"cut off": `[{"kind":"domain","name":"contoso.com","ten`,
		"entries that nobody wrote": `[{"kind":"domain","name":"contoso.com","tenant":"evil","at":"` + at + `"},
			{"kind":"planet","name":"contoso.com","tenant":"` + contoso + `","at":"` + at + `"},
			{"kind":"domain","name":"con toso.com","tenant":"` + contoso + `","at":"` + at + `"},
			{"kind":"domain","name":"contoso.com","tenant":"` + contoso + `","at":"2999-01-01T00:00:00Z"},
			{"kind":"subscription","name":"contoso.com","tenant":"` + contoso + `","at":"` + at + `"}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, "answers.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, Config{Dir: dir, Now: now.Now})
		if len(d.entries) != 0 {
			t.Errorf("%s: believed %v", name, d.entries)
		}
		if name == "cut off" && d.Err() == nil {
			t.Errorf("%s: Err() is nil", name)
		}
	}
}

func TestTheCacheOnDiskIsOursAlone(t *testing.T) {
	c, dir := newCloud(t), filepath.Join(t.TempDir(), "directory")
	c.setDomain("contoso.com", contoso)
	d := open(t, Config{Dir: dir, Transport: c.transport(t)})
	if _, err := d.Domain(t.Context(), "contoso.com"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "answers.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.setDomain("fabrikam.com", fabrikam)
	if got, err := d.Domain(t.Context(), "fabrikam.com"); got != fabrikam || err != nil || d.Err() == nil {
		t.Errorf("without a disk: %s, %v, Err() = %v", got, err, d.Err())
	}
}

func TestChallengesAreReadAsServicesWriteThem(t *testing.T) {
	for line, want := range map[string][]param{
		`Bearer realm="a",b=c`:                      {{"bearer", "realm", "a"}, {"bearer", "b", "c"}},
		`Bearer a=b c=d`:                            {{"bearer", "a", "b"}, {"bearer", "c", "d"}},
		`NTLM, Basic realm="x y", Bearer a="\"b\""`: {{"basic", "realm", "x y"}, {"bearer", "a", `"b"`}},
		`Bearer`:              nil,
		`Negotiate`:           nil,
		``:                    nil,
		`Bearer a="b`:         nil,
		`Bearer a="b\`:        nil,
		` , ,Bearer  ,, A=b,`: {{"bearer", "a", "b"}},
	} {
		got := params(line)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(param{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func FuzzParams(f *testing.F) {
	for _, s := range []string{`Bearer realm="a",b=c`, `a=b c="d\"" ,`, `=`, `"`, `a="`, `a=,b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n := len(params(s)); n > 64 {
			t.Errorf("%d parameters", n)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://login.microsoftonline.com/`+contoso+`/v2.0","token_endpoint":"https://login.microsoftonline.com/`+contoso+`/oauth2/v2.0/token"}`), "contoso.com")
	f.Add([]byte(`{}`), contoso)
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		tenant, err := tenantOf(body, name)
		if _, ok := guid(tenant); err == nil && !ok {
			t.Errorf("tenant %q", tenant)
		}
	})
}
