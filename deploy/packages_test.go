package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/needs"
)

// packed makes a package of the given kind and returns its path.
func packed(t *testing.T, kind, version string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tenantgate."+kind)
	t.Setenv("SOURCE_DATE_EPOCH", "1795305600")
	out, err := output(t, "..", "bash", ".ci/package", kind, version, runtime.GOARCH, program(t), file)
	if err != nil && strings.Contains(out, "reading https://") {
		needs.Missing(t, "nfpm cannot be had: "+out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// shipped are the files of the packages and how they are installed.
var shipped = map[string]string{
	"/etc/logrotate.d/tenantgate":                       "-rw-r--r--",
	"/etc/tenantgate/tenantgate.yaml":                   "-rw-r--r--",
	"/usr/bin/tenantgate":                               "-rwxr-xr-x",
	"/usr/lib/systemd/system/tenantgate.service":        "-rw-r--r--",
	"/usr/lib/systemd/system/tenantgate@.service":       "-rw-r--r--",
	"/usr/lib/systemd/system/tenantgate.socket":         "-rw-r--r--",
	"/usr/lib/sysusers.d/tenantgate.conf":               "-rw-r--r--",
	"/usr/share/doc/tenantgate/CHANGELOG.md":            "-rw-r--r--",
	"/usr/share/bash-completion/completions/tenantgate": "-rw-r--r--",
}

func TestThePackageForDebian(t *testing.T) {
	dpkg, deb := needs.Tool(t, "dpkg-deb"), packed(t, "deb", "1.2.3")
	about := run(t, ".", dpkg, "-I", deb)
	for _, want := range []string{"Package: tenantgate", "Version: 1.2.3", "Architecture: " + runtime.GOARCH, "conffiles", "postinst", "prerm", "postrm"} {
		if !strings.Contains(about, want) {
			t.Errorf("%q is not in %s", want, about)
		}
	}
	if got := run(t, ".", dpkg, "-I", deb, "conffiles"); got != "/etc/tenantgate/tenantgate.yaml\n/etc/logrotate.d/tenantgate\n" && got != "/etc/logrotate.d/tenantgate\n/etc/tenantgate/tenantgate.yaml\n" {
		t.Errorf("conffiles: %q", got)
	}
	listed(t, run(t, ".", dpkg, "-c", deb), "/usr/share/doc/tenantgate/copyright")

	t.Run("lintian finds no error", func(t *testing.T) {
		// A program of Go is static, and has no changelog of Debian's.
		out, err := output(t, ".", needs.Tool(t, "lintian"), "--allow-root", "--fail-on=error", "--suppress-tags=statically-linked-binary,no-changelog", deb)
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("it lives until it is purged", func(t *testing.T) { lives(t, deb, packed(t, "deb", "1.2.4")) })
}

func TestThePackageForFedora(t *testing.T) {
	rpm := needs.Tool(t, "rpm")
	file := packed(t, "rpm", "1.2.3")
	listed(t, run(t, ".", rpm, "-qplv", file), "/usr/share/licenses/tenantgate/LICENSE")
	if got := run(t, ".", rpm, "-qpc", file); got != "/etc/logrotate.d/tenantgate\n/etc/tenantgate/tenantgate.yaml\n" {
		t.Errorf("configuration: %q", got)
	}
	// 16 is RPMFILE_NOREPLACE, 1 RPMFILE_CONFIG (rpmfiles.h).
	if got := run(t, ".", rpm, "-qp", "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]", file); !strings.Contains(got, "cn /etc/tenantgate/tenantgate.yaml") {
		t.Errorf("the configuration is replaced at an upgrade: %s", got)
	}
	scripts := run(t, ".", rpm, "-qp", "--scripts", file)
	for _, want := range []string{"postinstall scriptlet", "preuninstall scriptlet", "postuninstall scriptlet", "systemd-sysusers"} {
		if !strings.Contains(scripts, want) {
			t.Errorf("%q is not in %s", want, scripts)
		}
	}
}

func listed(t *testing.T, list, license string) {
	t.Helper()
	manual := regexp.MustCompile(`^/usr/share/man/man1/tenantgate[a-z-]*\.1\.gz$`)
	pages := 0
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(-\S+)\s.*?\s\.?(/\S+)$`).FindAllStringSubmatch(list, -1) {
		got[m[2]] = m[1]
		if !strings.Contains(m[0], "root") {
			t.Errorf("not root's: %s", m[0])
		}
	}
	if got[license] != "-rw-r--r--" {
		t.Errorf("%s is %q", license, got[license])
	}
	delete(got, license)
	for file, mode := range shipped {
		if got[file] != mode {
			t.Errorf("%s is %q, want %q", file, got[file], mode)
		}
		delete(got, file)
	}
	for file := range got {
		if manual.MatchString(file) {
			pages++
			continue
		}
		t.Errorf("%s is in the package and nobody knows of it", file)
	}
	if pages < 10 {
		t.Errorf("%d pages of the manual", pages)
	}
}

// lives takes a package through its life in a tree of its own: this machine's
// programs read-only, and /etc, /var, /run and the program's places empty.
func lives(t *testing.T, first, second string) {
	needs.Root(t)
	dir := t.TempDir()
	for name, from := range map[string]string{"1.deb": first, "2.deb": second, "life.sh": "testdata/life.sh"} {
		write(t, filepath.Join(dir, name), read(t, from))
	}
	cmd := exec.CommandContext(t.Context(), needs.Tool(t, "unshare"), "--mount", "--pid", "--fork", "bash", filepath.Join(dir, "life.sh"), dir)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "lived\n") {
		t.Errorf("%v:\n%s", err, out)
	}
}
