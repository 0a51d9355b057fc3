package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit/audittest"
	"github.com/tenantgate/tenantgate/needs"
)

// liblognormCEF has liblognorm, which rsyslog reads CEF with, parse lines.
func liblognormCEF(t *testing.T, lines ...string) (parsed []map[string]any) {
	t.Helper()
	rules := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(rules, []byte("version=2\nrule=:%f:cef%\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(needs.Tool(t, "lognormalizer"), "-r", rules, "-e", "json")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var one struct {
			F        map[string]any `json:"f"`
			Unparsed *string        `json:"unparsed-data"`
		}
		if err := d.Decode(&one); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if one.Unparsed != nil {
			t.Errorf("not CEF from %q on", *one.Unparsed)
		}
		parsed = append(parsed, one.F)
	}
	return parsed
}

func TestLiblognormReadsOurCEF(t *testing.T) {
	var names, lines []string
	for name, example := range examples {
		names = append(names, name)
		lines = append(lines, render(t, renderings["cef"], example()))
	}
	names, lines = append(names, "hostile text"), append(lines, render(t, renderings["cef"], hostileEvent()))
	parsed := liblognormCEF(t, lines...)
	if len(parsed) != len(lines) {
		t.Fatalf("%d of %d lines", len(parsed), len(lines))
	}
	for i, f := range parsed {
		e := hostileEvent()
		if example, ok := examples[names[i]]; ok {
			e = example()
		}
		line, err := audittest.Parse(e.JSON(testObserver))
		if err != nil {
			t.Fatal(err)
		}
		if f["DeviceVendor"] != "tenantgate" || f["SignatureID"] != e.Action {
			t.Errorf("%s: header %v", names[i], f)
		}
		pairs := f["Extensions"].(map[string]any)
		want := map[string]string{
			"externalId": e.ID, "act": e.Verdict, "reason": e.Reason, "dhost": line.Destination.Domain, "requestClientApplication": line.UserAgent.Original,
			"requestMethod": e.Method, "cs2": e.HomeTenant,
		}
		for key, value := range want {
			got, _ := pairs[key].(string)
			if got != shown(value) {
				t.Errorf("%s: %s is %q, want %q", names[i], key, got, value)
			}
		}
		for key := range pairs {
			if !slices.Contains(cefKeys, key) {
				t.Errorf("%s: %s is no key of ours", names[i], key)
			}
		}
	}
}

// cefKeys are the keys that docs/sinks.md and the dictionary of CEF know. That
// rt is t is liblognorm's: it drops the first character of the first key.
var cefKeys = strings.Fields(`t externalId dvchost cat act outcome reason src c6a2 c6a2Label spt suser dst c6a3 c6a3Label dhost dpt in out request requestMethod
	requestClientApplication cn1 cn1Label cs1 cs1Label cs2 cs2Label cs3 cs3Label cs4 cs4Label cs5 cs5Label cs6 cs6Label flexString1 flexString1Label
	flexString2 flexString2Label sourceServiceName cnt`)
