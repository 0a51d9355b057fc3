package proxy_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/needs"
)

// grading bounds testssl.sh, which starts hundreds of processes: half a minute
// on an idle machine, and several times that on a busy one.
const grading = 8 * time.Minute

// excepted are findings that are what interception is, by testssl.sh's ids.
var excepted = map[string]string{
	"cert_chain_of_trust":   "the CA is this installation's own: devices trust it because their administrator says so",
	"cert_expirationStatus": weekly,
	"cert_notAfter":         weekly,
	"cert_revocation":       weekly,
}

const weekly = "a leaf lives for a week and is made anew on the way: that is what a list of revocations would be for"

// serious are testssl.sh's severities from MEDIUM on, and that of a check that
// could not be made.
var serious = []string{"MEDIUM", "HIGH", "CRITICAL", "FATAL"}

type finding struct{ ID, Severity, Finding, CVE string }

// TestClientsSeeNoTLSThatTestsslFaults grades an intercepted connection as a
// server: protocols, suites, forward secrecy, the certificate, vulnerabilities.
func TestClientsSeeNoTLSThatTestsslFaults(t *testing.T) {
	tool := needs.Tool(t, "testssl")
	r := newRig(t)
	_, port, _ := net.SplitHostPort(r.steered)
	found := grade(t, tool, restricted+":"+port)
	for _, f := range found {
		switch why := excepted[f.ID]; {
		case !slices.Contains(serious, f.Severity):
		case why != "":
			t.Logf("%s: %s %s: excepted: %s", f.ID, f.Severity, f.Finding, why)
		default:
			t.Errorf("%s: %s %s %s", f.ID, f.Severity, f.Finding, f.CVE)
		}
	}
	for _, id := range []string{"TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "PFS", "cert_keySize", "heartbleed", "ROBOT", "secure_client_renego", "LUCKY13", "RC4"} {
		if !slices.ContainsFunc(found, func(f finding) bool { return f.ID == id || strings.HasPrefix(f.ID, id+" ") }) {
			t.Errorf("testssl says nothing of %s", id)
		}
	}
	t.Logf("%d findings, none serious but those excepted", len(found))
}

// grade runs testssl.sh against 127.0.0.1 under a name.
func grade(t *testing.T, tool, target string) (found []finding) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), grading)
	defer cancel()
	report := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.CommandContext(ctx, tool, "--ip", "127.0.0.1", "--nodns", "none", "--warnings", "off", "--color", "0", "--quiet",
		"-p", "-s", "-f", "-S", "-U", "--jsonfile", report, target)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it has children and files of its own to tidy up
	cmd.WaitDelay = 10 * time.Second
	out, _ := cmd.CombinedOutput() // the exit code counts findings
	if ctx.Err() != nil {
		t.Fatalf("testssl did not end in %v:\n%s", grading, out)
	}
	raw, missing := os.ReadFile(report)
	if err := errors.Join(missing, json.Unmarshal(raw, &found)); err != nil {
		t.Fatalf("testssl: %v\n%s", err, out)
	}
	return found
}
