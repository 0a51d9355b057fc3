package clients_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/directory"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
	"github.com/tenantgate/tenantgate/tokens"
)

const armHost = "management.azure.com"

// told is what a script of node's prints of an error: what the SDK gives the
// program that uses it.
type told struct {
	Name    string
	Status  int
	Code    string
	Message string
	Event   string
}

// requireModule skips the test where a module of node's is not installed.
func requireModule(t *testing.T, module string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node", "node_modules", filepath.FromSlash(module))); err != nil {
		needs.Missing(t, module+" is not installed (npm ci in clients/node)")
	}
}

// script runs a program of node's as a device has it, gives it input, and
// reads what it prints into answer.
func (s *stage) script(t *testing.T, file, module string, input, answer any) {
	t.Helper()
	requireModule(t, module)
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(within(t, patience), needs.Tool(t, "node"), file)
	cmd.Dir, cmd.Stdin, cmd.Env = "node", strings.NewReader(string(text)), s.device(t, s.caFile)
	stdout, stderr, exit := run(t, cmd)
	if err := json.Unmarshal([]byte(stdout), answer); err != nil || exit != 0 {
		t.Fatalf("%s: exit %d, %v: %s%s", file, exit, err, stdout, stderr)
	}
}

// linkStage is a stage whose proxy asks the cloud whose subscriptions and
// domains are, over the same guarded way as everything else.
func linkStage(t *testing.T, o proxytest.Options, tools ...string) *stage {
	t.Helper()
	o.Rules = func(r *proxy.Rules) {
		d, err := directory.New(directory.Config{Transport: r.HTTP})
		if err != nil {
			t.Fatal(err)
		}
		tenant := func(ask func(context.Context, string) (string, error)) func(context.Context, string) tokens.Tenant {
			return func(ctx context.Context, name string) tokens.Tenant {
				id, err := ask(ctx, name)
				if err != nil {
					return ""
				}
				return tokens.Tenant(id)
			}
		}
		r.Subscription, r.Domain = tenant(d.Subscription), tenant(d.Domain)
	}
	return stageOf(t, o, tools...)
}

// asSecret is an application of a tenant that signs in with its secret, asHeld
// one that holds a token.
func asSecret(tenant string) map[string]string {
	return map[string]string{"tenant": tenant, "clientID": clientID, "secret": clientSecret}
}

func asHeld(token string) map[string]string { return map[string]string{"token": token} }

// shown wants that the SDK shows our code, our message and our event, and
// returns the event.
func (s *stage) shown(t *testing.T, got told, host, code, message string) audit.Event {
	t.Helper()
	e := s.recorded(t, host, code)
	if got.Status != 403 || got.Code != code || got.Event != e.ID || !strings.Contains(got.Message, message) {
		t.Errorf("the SDK's error is %+v, want 403, %s, event %s and %q", got, code, e.ID, message)
	}
	if !e.Denied || len(e.Tags) > 0 {
		t.Errorf("the event is %+v", e)
	}
	return e
}

// linked wants that the event names one link, of this kind and to this tenant.
func linked(t *testing.T, e audit.Event, kind string, to demo.Tenant) {
	t.Helper()
	if len(e.Links) != 1 || e.Links[0].Kind != kind || e.Links[0].Tenant != to.ID {
		t.Errorf("the event names the links %+v, want one %s to %s", e.Links, kind, to.Name)
	}
}
