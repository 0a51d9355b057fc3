package deploy_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tenantgate/tenantgate/needs"
)

// compose is the reference implementation of the Compose Specification.
const compose = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"

func TestTheComposeFileIsOne(t *testing.T) {
	t.Setenv("GOBIN", t.TempDir())
	if out, err := output(t, ".", "go", "install", compose); err != nil {
		if strings.Contains(out, "reading https://") {
			needs.Missing(t, "compose-go cannot be had: "+out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	checked := func(text string) (string, error) {
		dir := t.TempDir()
		write(t, dir+"/deploy/compose.yaml", text)
		return output(t, ".", os.Getenv("GOBIN")+"/cmd", dir+"/deploy/compose.yaml")
	}
	text := read(t, "compose.yaml")
	out, err := checked(text)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var made struct {
		Services map[string]struct {
			User     string   `yaml:"user"`
			ReadOnly bool     `yaml:"read_only"`
			CapDrop  []string `yaml:"cap_drop"`
			Security []string `yaml:"security_opt"`
			Ports    []struct {
				Published string `yaml:"published"`
				Host      string `yaml:"host_ip"`
			} `yaml:"ports"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	s := made.Services["tenantgate"]
	if s.User != "65532:65532" || !s.ReadOnly || strings.Join(s.CapDrop, " ") != "ALL" || strings.Join(s.Security, " ") != "no-new-privileges:true" {
		t.Errorf("not confined: %+v", s)
	}
	for _, p := range s.Ports {
		if p.Published == "9090" && p.Host != "127.0.0.1" {
			t.Error("everybody reaches the admin listener")
		}
	}
	if out, err := checked(strings.Replace(text, "read_only: true", "readonly: true", 1)); err == nil || !strings.Contains(out, "readonly") {
		t.Errorf("a misspelt key is not told, so this proves nothing: %v, %s", err, out)
	}
}

// The image has no C library and no shell: the program needs neither.
func TestTheProgramIsStatic(t *testing.T) {
	f, err := elf.Open(program(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Section(".interp") != nil {
		t.Error("the program asks for a dynamic linker")
	}
	dockerfile := read(t, "Dockerfile")
	for _, want := range []string{"CGO_ENABLED=0", "\nFROM gcr.io/distroless/static", "\nUSER 65532:65532\n", "--chmod=0700 /out/state /var/lib/tenantgate", `ENTRYPOINT ["`} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("%q is not in the Dockerfile", want)
		}
	}
}

// With a root that nobody may write to, the state is enough.
func TestTheProgramRunsWithAReadOnlyRoot(t *testing.T) {
	needs.Root(t)
	dir := t.TempDir()
	write(t, dir+"/tenantgate.yaml", configuration("127.0.0.1:0", "127.0.0.1:0"))
	write(t, dir+"/state/here", "")
	script := `mount --make-rprivate /; mount -t tmpfs -o mode=0700 state "$1/state"; mount -o remount,bind,ro /; mount -o remount,bind,ro "$1" 2>/dev/null || :
		if touch "$1/written" 2>/dev/null; then echo writable; exit 1; fi
		cd "$1" && exec "$2" run -c tenantgate.yaml`
	n := launch(t, exec.Command(needs.Tool(t, "unshare"), "--mount", "sh", "-euc", script, "sh", dir, program(t)), dir)
	if err := n.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-n.ended; err != nil {
		t.Errorf("%v: %s", err, read(t, n.log))
	}
}
