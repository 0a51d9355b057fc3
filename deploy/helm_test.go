package deploy_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tenantgate/tenantgate/needs"
)

const chart = "helm/tenantgate"

// an object is one of Kubernetes.
type object map[string]any

// at follows a path of keys and indices; nil where it leads nowhere.
func (o object) at(path ...any) any {
	var here any = map[string]any(o)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := here.(map[string]any)
			here = m[step]
		case int:
			list, _ := here.([]any)
			if step >= len(list) {
				return nil
			}
			here = list[step]
		}
	}
	return here
}

// rendered is what the chart makes of the example and more, by kind and name.
func rendered(t *testing.T, set ...string) map[string]object {
	t.Helper()
	args := []string{"template", "gate", chart, "-f", "helm/example.yaml", "--kube-version", "1.30.0"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	all := map[string]object{}
	d := yaml.NewDecoder(bytes.NewBufferString(run(t, ".", needs.Tool(t, "helm"), args...)))
	for {
		var o object
		err := d.Decode(&o)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if o != nil {
			all[fmt.Sprint(o["kind"], " ", o.at("metadata", "name"))] = o
		}
	}
}

func TestHelmFindsNoFaultWithTheChart(t *testing.T) {
	run(t, ".", needs.Tool(t, "helm"), "lint", "--strict", chart, "-f", "helm/example.yaml")
}

func TestTheChartConfinesTheProxy(t *testing.T) {
	all := rendered(t)
	pod := object(all["StatefulSet gate-tenantgate"].at("spec", "template", "spec").(map[string]any))
	for _, want := range []struct {
		value any
		path  []any
	}{
		{true, []any{"securityContext", "runAsNonRoot"}},
		{"RuntimeDefault", []any{"securityContext", "seccompProfile", "type"}},
		{false, []any{"automountServiceAccountToken"}},
		{true, []any{"containers", 0, "securityContext", "readOnlyRootFilesystem"}},
		{false, []any{"containers", 0, "securityContext", "allowPrivilegeEscalation"}},
		{"ALL", []any{"containers", 0, "securityContext", "capabilities", "drop", 0}},
		{"ALL", []any{"initContainers", 0, "securityContext", "capabilities", "drop", 0}},
		{"/readyz", []any{"containers", 0, "readinessProbe", "httpGet", "path"}},
		{"/healthz", []any{"containers", 0, "livenessProbe", "httpGet", "path"}},
		{"kubernetes.io/hostname", []any{"topologySpreadConstraints", 0, "topologyKey"}},
	} {
		if got := pod.at(want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	for _, name := range []string{"PodDisruptionBudget gate-tenantgate", "NetworkPolicy gate-tenantgate", "ServiceMonitor gate-tenantgate", "Service gate-tenantgate-admin"} {
		if all[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	if got := all["Service gate-tenantgate"].at("spec", "externalTrafficPolicy"); got != "Local" {
		t.Errorf("externalTrafficPolicy %v: the client's address is lost", got)
	}
	if got := all["Service gate-tenantgate"].at("spec", "ports", 2); got != nil {
		t.Errorf("clients reach %v", got)
	}
	if len(rendered(t, "networkPolicy.enabled=false", "serviceMonitor.enabled=false")) != len(all)-2 {
		t.Error("what is switched off is there")
	}
}

func TestTheChartRefusesWhatCannotWork(t *testing.T) {
	for set, says := range map[string]string{
		"caSecret=":                   "clients trust one CA",
		"config.tenant.id=":           "config.tenant.id is required",
		"config.listen.proxy=0.0.0.0": "are the chart's own",
	} {
		out, err := output(t, ".", needs.Tool(t, "helm"), "template", "gate", chart, "-f", "helm/example.yaml", "--kube-version", "1.30.0", "--set", set)
		if err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v, %s", set, err, out)
		}
	}
}

// What the chart renders is run: the script that copies the CA, as the pod's
// user in a volume of the pod's group, then the program with the ConfigMap.
func TestTheChartsPodFindsItsCA(t *testing.T) {
	needs.Root(t)
	setpriv, all := needs.Tool(t, "setpriv"), rendered(t)
	set := all["StatefulSet gate-tenantgate"]
	script, _ := set.at("spec", "template", "spec", "initContainers", 0, "args", 0).(string)
	text, _ := all["ConfigMap gate-tenantgate"].at("data", "tenantgate.yaml").(string)
	dir, err := os.MkdirTemp("", "pod") // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write(t, filepath.Join(dir, "bin"), read(t, program(t)))
	if err := os.Chmod(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "made.yaml"), "state: "+dir+"/made\n"+configuration("127.0.0.1:8080", "")[len("state: state\n"):])
	run(t, dir, filepath.Join(dir, "bin"), "ca", "init", "-c", "made.yaml")
	state, secret := filepath.Join(dir, "state"), filepath.Join(dir, "secret")
	for d, mode := range map[string]uint32{dir: 0o755, state: 0o2770, secret: 0o750} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d, 0, 65532); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Chmod(d, mode); err != nil { // setgid, as fsGroup makes volumes
			t.Fatal(err)
		}
	}
	for _, f := range []string{"ca.crt", "ca.key"} {
		to := filepath.Join(secret, f)
		write(t, to, read(t, filepath.Join(dir, "made", "ca", f)))
		if err := os.Chown(to, 0, 65532); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(to, 0o440); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "tenantgate.yaml")
	write(t, file, regexp.MustCompile(`0\.0\.0\.0:\d+`).ReplaceAllString(strings.Replace(text, "/var/lib/tenantgate", state, 1), "127.0.0.1:0"))
	as := []string{"--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--"}
	for range 2 { // a pod starts again
		run(t, dir, setpriv, append(as, "env", "FROM="+secret, "TO="+state+"/ca", "sh", "-euc", script)...)
		run(t, dir, setpriv, append(as, filepath.Join(dir, "bin"), "check", "-c", file)...)
	}
	show := func(file string, args ...string) string {
		return regexp.MustCompile(`(?i)[0-9a-f]{2}(:[0-9a-f]{2}){31}|[0-9a-f]{64}`).FindString(run(t, dir, setpriv, append(args, filepath.Join(dir, "bin"), "ca", "show", "-c", file)...))
	}
	if got, want := show(file, as...), show("made.yaml", "--reuid=0", "--"); got != want || want == "" {
		t.Errorf("the pod's CA is %q, the Secret's %q", got, want)
	}
}
