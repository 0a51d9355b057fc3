package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// bill is what these tests read of a description, by CycloneDX's names.
type bill struct {
	SerialNumber string
	Metadata     struct {
		Timestamp string
		Component piece
	}
	Components   []piece
	Dependencies []struct {
		Ref       string
		DependsOn []string
	}
}

type piece struct {
	Ref      string `json:"bom-ref"`
	Name     string
	Version  string
	Hashes   []struct{ Content string }
	Licenses []struct{ License struct{ ID string } }
}

// ofThisTest describes the binary that runs: it has modules inside as well.
func ofThisTest(t *testing.T) []byte {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	var text bytes.Buffer
	if err := write(&text, binary, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func read(t *testing.T, text []byte) (b bill) {
	t.Helper()
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// The schema comes with the module of CycloneDX's own library.
func TestTheDescriptionIsCycloneDXByItsSchema(t *testing.T) {
	cache, err := openCache()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	const at = "http://cyclonedx.org/schema/"
	for file, name := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schemax.json": "jsf-0.82.schema.json",
	} {
		f, err := os.Open(filepath.Join(cache.dirs["github.com/CycloneDX/cyclonedx-go"], "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		schema, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(at+name, schema); err != nil {
			t.Fatal(err)
		}
	}
	compiler.AssertFormat()
	schema, err := compiler.Compile(at + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	told, err := jsonschema.UnmarshalJSON(bytes.NewReader(ofThisTest(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(told); err != nil {
		t.Error(err)
	}
	told.(map[string]any)["components"].([]any)[0].(map[string]any)["type"] = "thing"
	if schema.Validate(told) == nil {
		t.Error("the schema takes anything")
	}
}

func TestWhatIsLinkedInIsToldWithItsVersionAndLicence(t *testing.T) {
	b := read(t, ofThisTest(t))
	got := map[string]piece{}
	for _, c := range b.Components {
		got[c.Name] = c
	}
	for name, licence := range map[string]string{
		"github.com/CycloneDX/cyclonedx-go": "Apache-2.0", "std": "BSD-3-Clause",
	} {
		c, ok := got[name]
		if !ok || c.Version == "" || len(c.Licenses) != 1 || c.Licenses[0].License.ID != licence {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if v := got["std"].Version; "go"+v != runtime.Version() {
		t.Errorf("the standard library is of %s, want %s", v, runtime.Version())
	}
	if _, ok := got["github.com/miekg/dns"]; ok {
		t.Error("a module of go.mod that is not linked in is told")
	}
}

func TestTheDescriptionNamesTheBinaryByItsHash(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(octets)
	c := read(t, ofThisTest(t)).Metadata.Component
	if c.Name != "tenantgate" || c.Version != "1.2.3" || len(c.Hashes) != 1 || c.Hashes[0].Content != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v", c)
	}
}

func TestEveryPieceIsReachedFromTheProgram(t *testing.T) {
	b := read(t, ofThisTest(t))
	reached := []string{b.Metadata.Component.Ref}
	for i := 0; i < len(reached); i++ {
		for _, d := range b.Dependencies {
			for _, on := range d.DependsOn {
				if d.Ref == reached[i] && !slices.Contains(reached, on) {
					reached = append(reached, on)
				}
			}
		}
	}
	for _, c := range b.Components {
		if !slices.Contains(reached, c.Ref) {
			t.Errorf("nothing depends on %s", c.Ref)
		}
	}
}

func TestTheSameBinaryHasTheSameDescription(t *testing.T) {
	first, second := ofThisTest(t), ofThisTest(t)
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Error(diff)
	}
	if b := read(t, first); b.Metadata.Timestamp != "2026-09-21T14:13:20Z" || !strings.HasPrefix(b.SerialNumber, "urn:uuid:") {
		t.Errorf("%s %s", b.Metadata.Timestamp, b.SerialNumber)
	}
}

func TestWhatIsNoBinaryOfGoIsNotDescribed(t *testing.T) {
	if err := write(&bytes.Buffer{}, "main.go", "1"); err == nil {
		t.Error("main.go was described")
	}
}
