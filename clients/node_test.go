package clients_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

// graphAnswer is what node/graph.mjs prints.
type graphAnswer struct {
	Status       int
	Reason, Body string
	Error        string
}

// node runs @azure/identity and Azure's HTTP pipeline as a device has them.
// They take the proxy from HTTPS_PROXY and the CA from NODE_EXTRA_CA_CERTS.
func (s *stage) node(t *testing.T, input map[string]string) graphAnswer {
	t.Helper()
	node := needs.Tool(t, "node")
	if _, err := os.Stat(filepath.Join("node", "node_modules", "@azure", "identity")); err != nil {
		needs.Missing(t, "@azure/identity is not installed (npm ci in clients/node)")
	}
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(within(t, patience), node, "graph.mjs")
	cmd.Dir, cmd.Stdin, cmd.Env = "node", strings.NewReader(string(text)), s.device(t, s.caFile)
	stdout, stderr, exit := run(t, cmd)
	var a graphAnswer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || exit != 0 {
		t.Fatalf("node: exit %d, %v: %s%s", exit, err, stdout, stderr)
	}
	return a
}

func secret(tenant string) map[string]string {
	return map[string]string{
		"tenant": tenant, "clientID": clientID, "secret": clientSecret, "url": "https://" + graphHost + "/v1.0/users",
	}
}

func TestAzureIdentityWorksAtHomeAndEverySignInIsTagged(t *testing.T) {
	s := newStage(t, "node")
	a := s.node(t, secret(demo.Home.ID))
	if a.Status != 200 || !strings.Contains(a.Body, demo.Home.Users[0]) {
		t.Errorf("Graph answered %+v", a)
	}
	s.tagged(t)
	s.untagged(t, graphHost)
	s.recorded(t, graphHost, "home-account")
	s.confined(t, signInHost, graphHost)
}

func TestAzureIdentityIsToldThatAForeignTenantIsRestricted(t *testing.T) {
	s := newStage(t, "node")
	a := s.node(t, secret(demo.Foreign.Domains[0]))
	if !strings.Contains(a.Error, "AADSTS5000211") {
		t.Errorf("the answer is %+v", a)
	}
	s.tagged(t)
	s.kept(t, graphHost)
	s.confined(t, signInHost)
}

func TestANodeClientIsToldWhyAForeignTokenIsRefused(t *testing.T) {
	s := newStage(t, "node")
	token, marker := s.stolen(t)
	a := s.node(t, map[string]string{"token": token, "url": "https://" + graphHost + "/v1.0/me"})
	var body struct {
		Error struct{ Code, Event string }
	}
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		t.Fatalf("%v: %+v", err, a)
	}
	e := s.recorded(t, graphHost, "external-account")
	if a.Status != 403 || a.Reason != "external-account" || body.Error.Code != "external-account" || body.Error.Event != e.ID {
		t.Errorf("the answer is %+v", a)
	}
	s.kept(t, graphHost, marker)
	s.confined(t, graphHost)
}
