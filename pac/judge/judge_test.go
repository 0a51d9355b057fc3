package judge

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
)

var update = flag.Bool("update", false, "write the golden files")

func subject() Subject {
	return Subject{
		SignIn: hosts.MustParseSet("login.microsoftonline.com", "login.microsoftonline.us", "*.b2clogin.com"),
		Data:   hosts.MustParseSet("graph.microsoft.com", "*.sharepoint.com"),
		Exempt: hosts.MustParseSet("device.login.microsoftonline.com", "*.certauth.login.microsoftonline.com"),
	}
}

func told(r Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Severity, f.Rule, f.What)
		if len(f.Hosts) > 0 {
			fmt.Fprintf(&b, "  hosts: %s\n", strings.Join(f.Hosts, " "))
		}
		if e := f.Example; e != nil {
			fmt.Fprintf(&b, "  %s host %s -> %s", e.URL, e.Host, e.Answer)
			if e.When != "" {
				fmt.Fprintf(&b, " (%s)", e.When)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// The files are typical of what is found on networks; what must be said of
// each stands beside it.
func TestEveryFileOfTheCorpusIsJudgedAsWritten(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pac")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".pac"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := told(Lint(src, subject()))
			golden := strings.TrimSuffix(file, ".pac") + ".findings"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (go test -update writes it): %s", golden, diff)
			}
		})
	}
}

func TestOurOwnFileHasNothingWrong(t *testing.T) {
	s := subject()
	script := pac.Script{Restricted: s.SignIn.Union(s.Data), Exempt: s.Exempt, Proxies: []string{"a.contoso.com:8080", "10.0.0.2:8080"}}
	s.Proxies = []string{"A.contoso.com:8080", "10.0.0.2:8080"}
	for name, want := range map[string]string{"": "", "open": "sign-in-fails-open data-direct", "device": "", "elsewhere": "sign-in-elsewhere"} {
		mine, subject := script, s
		mine.FailOpen, mine.ExemptToProxy = name == "open", name == "device"
		if name == "elsewhere" {
			subject.Proxies = []string{"a.contoso.com:8080"}
		}
		var b bytes.Buffer
		if err := pac.Write(&b, mine); err != nil {
			t.Fatal(err)
		}
		var got []string
		r := Lint(b.Bytes(), subject)
		for _, f := range r.Findings {
			got = append(got, f.Rule)
		}
		if strings.Join(got, " ") != want || r.Bad() != (want != "") || r.Asked < 10 {
			t.Errorf("%q: %v, want %q; %d questions", name, got, want, r.Asked)
		}
	}
}
