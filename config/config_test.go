package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenantgate/tenantgate/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	sampleID     = "11111111-1111-1111-1111-111111111111"
	samplePolicy = "22222222-2222-2222-2222-222222222222"
	secretValue  = "s3cr3t-that-nobody-may-see"
)

// sameSettings compares two Files by their settings; a list that was left out
// is an empty one.
var sameSettings = cmp.Options{cmpopts.IgnoreUnexported(File{}), cmpopts.EquateEmpty()}

func setSecrets(t *testing.T) {
	t.Setenv("TENANTGATE_TEST_SECRET", secretValue)
	t.Setenv("TENANTGATE_TEST_ID", sampleID)
}

func corpus(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob(%s) = %v, %v", pattern, files, err)
	}
	return files
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestEveryProblemIsToldAtOnceWithItsPlace(t *testing.T) {
	setSecrets(t)
	for _, name := range corpus(t, "testdata/bad/*.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("tenantgate.yaml", src)
			problems, ok := errors.AsType[*Problems](err)
			if !ok {
				t.Fatalf("Parse = %v, want *Problems", err)
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".golden", problems.Error()+"\n")
			if strings.Contains(err.Error(), secretValue) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

func TestWhatIsRightLoads(t *testing.T) {
	setSecrets(t)
	for _, name := range corpus(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := Read(name)
			if err != nil {
				t.Fatal(err)
			}
			if !isGUID(f.Tenant.ID) || strings.ToLower(f.Tenant.ID) != f.Tenant.ID {
				t.Errorf("tenant.id = %q, want a GUID in lower case", f.Tenant.ID)
			}
		})
	}
}

func TestSettingsAreDecodedOverTheDefaults(t *testing.T) {
	f, err := Read("testdata/good/partners.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Tenant = Tenant{ID: sampleID, Policy: samplePolicy}
	want.Policy.Default.Outbound = policy.All(policy.Deny)
	want.Policy.Unlisted = "block"
	want.Policy.Partners = f.Policy.Partners
	if diff := cmp.Diff(want, f, sameSettings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if n := len(f.Policy.Partners); n != 2 || f.Policy.Partners[0].Applications[0] != "00000003-0000-0000-c000-000000000000" {
		t.Errorf("partners = %+v", f.Policy.Partners)
	}
}

func TestSecretReferencesAreExpanded(t *testing.T) {
	setSecrets(t)
	f, err := Read("testdata/good/secrets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://user:" + secretValue + "@proxy:3128"; f.Upstream.Parent != want {
		t.Errorf("parent = %q", f.Upstream.Parent)
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(sampleID+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err = Parse("f", []byte("tenant:\n  id: ${file:"+file+"}\n  policy: "+samplePolicy+"\n"))
	if err != nil || f.Tenant.ID != sampleID {
		t.Errorf("tenant.id = %q, %v", f.Tenant.ID, err)
	}
}

func TestFilesThatCannotBeReadSaySo(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "there is no such file",
		dir:                             "is a directory, want a file",
		large:                           "it is larger than 1048576 octets",
	} {
		_, err := Read(path)
		problems, ok := errors.AsType[*Problems](err)
		if !ok || len(problems.All) != 1 || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("Read(%s) = %v, want %s", path, err, want)
		}
	}
	if _, err := Read(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Read = %v, want ErrNotExist inside", err)
	}
}

func TestFlagsAloneAreEnough(t *testing.T) {
	f, err := Flags(strings.ToUpper(sampleID), samplePolicy, "")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Tenant = Tenant{ID: sampleID, Policy: samplePolicy}
	if diff := cmp.Diff(want, f, sameSettings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if f, err = Flags(sampleID, samplePolicy, "here"); err != nil || f.State != "here" {
		t.Errorf("state = %q, %v", f.State, err)
	}
}

func TestProblemsWithFlagsNameTheFlag(t *testing.T) {
	_, err := Flags("contoso.com", "", "")
	golden(t, "testdata/flags.golden", err.Error()+"\n")
}

func TestBuiltInExamplesMeanTheDefaults(t *testing.T) {
	want := Default()
	want.Tenant = Tenant{ID: sampleID, Policy: samplePolicy}
	for name, src := range map[string]string{"reference.yaml": Reference(), "smallest.yaml": Smallest()} {
		f, err := Parse(name, []byte(src))
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, f, sameSettings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("fuzz.yaml", src)
		if err == nil {
			if !isGUID(file.Tenant.ID) || file.Tenant.ID != strings.ToLower(file.Tenant.ID) {
				t.Fatalf("tenant.id = %q without a problem", file.Tenant.ID)
			}
			return
		}
		problems, ok := errors.AsType[*Problems](err)
		if !ok || len(problems.All) == 0 {
			t.Fatalf("Parse = %v, want *Problems", err)
		}
		for i, p := range problems.All {
			if p.Line < 0 || p.Column < 0 || p.What == "" {
				t.Fatalf("problem %+v", p)
			}
			if i > 0 && p.Line < problems.All[i-1].Line {
				t.Fatalf("out of order: %v", err)
			}
		}
		var b strings.Builder
		if err := problems.Print(&b, Plain); err != nil || strings.ContainsRune(b.String(), '\x1b') {
			t.Fatalf("Print = %q, %v", b.String(), err)
		}
	})
}
