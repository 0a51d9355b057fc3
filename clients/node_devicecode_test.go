package clients_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

// nodeDevice signs in with @azure/identity and a device code that user enters
// on a phone of their own.
func (s *stage) nodeDevice(t *testing.T, tenant, user string) (answer struct{ Tenant, Name, Message string }) {
	t.Helper()
	requireModule(t, "@azure/identity")
	ctx := within(t, patience)
	cmd := exec.CommandContext(ctx, needs.Tool(t, "node"), "devicecode.mjs")
	cmd.Dir, cmd.Env = "node", s.device(t, s.caFile)
	input, err := json.Marshal(map[string]string{"tenant": tenant, "clientID": clientID})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = strings.NewReader(string(input))
	var errs strings.Builder
	cmd.Stderr = &errs
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var shown struct{ Address, Code string }
	lines := json.NewDecoder(stdout)
	if err = lines.Decode(&shown); err == nil {
		err = enters(t, s.phone(t), user)(ctx, azidentity.DeviceCodeMessage{UserCode: shown.Code, VerificationURL: shown.Address})
	}
	if err == nil {
		err = lines.Decode(&answer)
	}
	_, _ = io.Copy(io.Discard, stdout)
	if waited := cmd.Wait(); err != nil || waited != nil {
		t.Fatalf("node: %v, %v: %s", err, waited, errs.String())
	}
	return answer
}

// Of an answer to a device code msal-node shows the member error alone, whoever
// refused.
func TestAzureIdentityIsToldThatADeviceCodesTokenIsWithheld(t *testing.T) {
	t.Run("at home it is not", func(t *testing.T) {
		s := newStage(t, "node")
		if a := s.nodeDevice(t, "organizations", demo.Home.Users[0]); a.Tenant != demo.Home.ID {
			t.Errorf("the SDK says %+v", a)
		}
	})
	t.Run("by Entra", func(t *testing.T) {
		s := newStage(t, "node")
		a := s.nodeDevice(t, "organizations", demo.Foreign.Users[0])
		s.blockedByEntra(t)
		if !strings.Contains(a.Message, "access_denied") {
			t.Errorf("the SDK says %+v", a)
		}
	})
	t.Run("by the proxy", func(t *testing.T) {
		s := newStage(t, "node")
		a := s.nodeDevice(t, "organizations", demo.Partner.Users[0])
		s.withheld(t, demo.Partner)
		if !strings.Contains(a.Message, "access_denied") {
			t.Errorf("the SDK says %+v", a)
		}
	})
}
