package tenantgate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tenantgate/tenantgate"

// house is the import graph of docs/architecture.md: what each package is, in
// the words that its package comment starts with, and what of ours it may
// import. A package that is not listed fails. A command's comment is its users':
// it has no words of its own here.
var house = map[string]struct {
	is      string
	imports []string
}{
	"hosts":        {"names destinations, normalized once", nil},
	"setting":      {"names a setting that cannot be used: where it stands, what is wrong with it, and what to write instead", nil},
	"tagging":      {"knows which restriction headers each provider reads, and writes them", []string{"hosts", "setting"}},
	"tokens":       {"finds the credentials in a request or a token response and reads whose they are", []string{"hosts", "setting"}},
	"links":        {"finds the cross-tenant links that an Azure Resource Manager or Graph request would make", []string{"hosts", "setting"}},
	"directory":    {"tells which tenant a domain, a host or a subscription belongs to, and its name", []string{"hosts", "peer", "setting"}},
	"policy":       {"turns what was seen into a verdict", []string{"hosts", "tokens", "links", "setting"}},
	"policy/entra": {"reads Entra's cross-tenant access settings as Microsoft Graph tells them", []string{"policy", "tokens"}},
	"memory":       {"gives the garbage collector its pace and its limit", nil},
	"peer":         {"holds every server whose TLS client we are to one set of rules", nil},
	"certs":        {"mints leaves for restricted hosts and cannot mint any other", []string{"hosts", "setting"}},
	"audit":        {"keeps one event per verdict, on disk first, in sinks later", []string{"peer", "setting"}},
	"signals":      {"notices what looks like a way round the proxy, and says so once", []string{"audit", "policy", "setting"}},
	"proxy": {"the enforcement point: accepts, asks, records, obeys",
		[]string{"hosts", "peer", "setting", "tagging", "tokens", "links", "directory", "policy", "certs", "audit"}},
	"resolver":  {"a DNS resolver that steers restricted hosts to the proxy", []string{"hosts", "peer", "setting"}},
	"pac":       {"writes the PAC file and proves where it sends each host", []string{"hosts", "setting"}},
	"pac/judge": {"judges anybody's PAC file", []string{"hosts"}},
	"config": {"composes the section each package declares, and reads the file",
		[]string{"directory", "hosts", "tagging", "tokens", "policy", "audit", "proxy", "resolver", "pac", "signals", "doctor", "setting"}},
	"doctor":  {"finds out whether what devices send is restricted", []string{"hosts", "setting"}},
	"onboard": {"writes what administrators copy to bring devices here", []string{"hosts", "tagging"}},
	"console": {"shows an operator what is going on", []string{"audit", "directory", "policy"}},
	"demo":    {"the built-in imitation of Entra, Graph, SharePoint and ARM", []string{"hosts"}},
	"cmd/tenantgate": {"", []string{"hosts", "peer", "setting", "tagging", "tokens", "links", "directory", "policy", "policy/entra",
		"certs", "audit", "signals", "memory", "proxy", "resolver", "pac", "pac/judge", "config", "console", "onboard", "doctor", "demo"}},
	"bench":         {"", []string{"tagging", "tokens", "policy", "certs", "audit", "memory", "proxy"}},
	"bench/dns":     {"", []string{"proxy", "resolver", "tagging", "tokens"}},
	"bench/mutants": {"", nil},
	"bench/siege":   {"", nil},
	"deploy":        {"holds what an administrator copies to what its readers make of it", nil},
	"deploy/sbom":   {"", nil},
	"deploy/siem":   {"holds what is shipped for SIEMs to what the program really sends", nil},
	"clients":       {"holds what real clients say of the proxy", nil},
	"faults":        {"breaks one thing at a time under load, and looks at what clients, origins, the event log and the receiver of events saw", nil},
}

// testOnly are packages that only tests may import; they may import anything.
var testOnly = []string{"audit/audittest", "needs", "netns", "peer/peertest", "proxy/proxytest"}

// impure are standard packages that a package may not import: those that
// judge neither dial nor log, and policy reads nothing but its arguments.
var impure = map[string][]string{
	"hosts":   {"net", "log", "log/slog"},
	"setting": {"net", "log", "log/slog", "os"},
	"tagging": {"net", "log", "log/slog"},
	"tokens":  {"net", "log", "log/slog"},
	"links":   {"net", "log", "log/slog"},
	"pac":     {"net", "log", "log/slog"},
	"policy":  {"net", "net/http", "log", "log/slog", "os", "crypto/tls", "math/rand", "math/rand/v2"},
}

// confined are modules of others that one package of ours may import.
var confined = map[string]string{
	"github.com/dop251/goja": "pac/judge", // the running proxy executes no script
}

// forbidden are identifiers that may not stand outside tests, and why.
var forbidden = map[string]string{
	"InsecureSkipVerify": "origins are always verified",
	"MitmConnect":        "goproxy's interception loop is not used, see docs/adr/0005-standard-library-http.md",
	"AlwaysMitm":         "goproxy's interception loop is not used, see docs/adr/0005-standard-library-http.md",
	"HTTPMitmConnect":    "goproxy's interception loop is not used, see docs/adr/0005-standard-library-http.md",
	"OkConnect":          "goproxy's tunnel is not used, see docs/adr/0005-standard-library-http.md",
	"GoproxyCa":          "the private key of that CA is public",
}

// drawers are directory names that say nothing about what is inside.
var drawers = []string{"util", "utils", "common", "helper", "helpers", "internal", "pkg", "misc", "base", "shared"}

// skipped are directories that hold no source of ours.
var skipped = []string{".git", "bin", "dist", "state", "node_modules"}

// source is one Go file of the module.
type source struct {
	path  string // slash-separated, from the module root
	dir   string // its package's directory; "." is the root
	lines int
	test  bool
	file  *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains(skipped, d.Name()) || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(p) != ".go" {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		all = append(all, source{p, path.Dir(p), strings.Count(string(src), "\n"), strings.HasSuffix(p, "_test.go"), file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// program returns the files of sources that are neither tests nor imported by
// tests alone.
func program(t *testing.T) []source {
	t.Helper()
	return slices.DeleteFunc(sources(t), func(s source) bool { return s.test || slices.Contains(testOnly, s.dir) })
}

func importsOf(t *testing.T, s source) []string {
	t.Helper()
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.path, err)
		}
		paths = append(paths, p)
	}
	return paths
}

func TestEveryPackageImportsOnlyWhatTheTableAllows(t *testing.T) {
	for _, s := range program(t) {
		room, listed := house[s.dir]
		if !listed && s.dir != "." {
			t.Errorf("%s: package %s is not in the table of imports_test.go and docs/architecture.md", s.path, s.dir)
			continue
		}
		for _, p := range importsOf(t, s) {
			if ours, ok := strings.CutPrefix(p, module+"/"); ok && !slices.Contains(room.imports, ours) {
				t.Errorf("%s imports %s, which %s may not", s.path, ours, s.dir)
			}
			for other, only := range confined {
				if (p == other || strings.HasPrefix(p, other+"/")) && s.dir != only {
					t.Errorf("%s imports %s, which only %s may", s.path, p, only)
				}
			}
			if slices.Contains(impure[s.dir], p) {
				t.Errorf("%s imports %s: %s neither dials nor logs", s.path, p, s.dir)
			}
		}
	}
}

func TestPackagesForTestsAreImportedByTestsOnly(t *testing.T) {
	for _, s := range program(t) {
		for _, p := range importsOf(t, s) {
			if slices.Contains(testOnly, strings.TrimPrefix(p, module+"/")) {
				t.Errorf("%s imports %s outside a test", s.path, p)
			}
		}
	}
}

func TestPolicyHasNoClock(t *testing.T) {
	for _, s := range program(t) {
		if s.dir != "policy" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Tick", "NewTimer", "Sleep"}, sel.Sel.Name) {
				t.Errorf("%s reads the clock with time.%s", s.path, sel.Sel.Name)
			}
			return true
		})
	}
}

func TestForbiddenNamesAreInTestsOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && forbidden[id.Name] != "" {
				t.Errorf("%s names %s: %s", s.path, id.Name, forbidden[id.Name])
			}
			return true
		})
	}
}

// Header.Get returns the first of several lines, and both would be forwarded.
func TestEveryAuthorizationLineIsRead(t *testing.T) {
	for _, s := range program(t) {
		if s.dir != "tokens" && s.dir != "policy" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			sel, isSel := call.Fun.(*ast.SelectorExpr)
			lit, isLit := call.Args[0].(*ast.BasicLit)
			if isSel && isLit && sel.Sel.Name == "Get" && strings.EqualFold(strings.Trim(lit.Value, "\"`"), "authorization") {
				t.Errorf("%s: Get(%s) reads one line of several; range over the values", s.path, lit.Value)
			}
			return true
		})
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	docs := map[string]string{}
	for _, s := range program(t) {
		docs[s.dir] += s.file.Doc.Text()
	}
	for dir, doc := range docs {
		is := house[dir].is
		doc = strings.Join(strings.Fields(doc), " ")
		name := path.Base(dir)
		switch {
		case doc == "":
			t.Errorf("package %s has no package comment", dir)
		case is == "":
		case strings.HasPrefix(doc, "Package "+name+" "+is), strings.HasPrefix(doc, "Package "+name+" is "+is):
		case strings.HasPrefix(doc, "Command "+name+" "+is):
		default:
			t.Errorf("package %s: its comment starts %.80q, want %q", dir, doc, "Package "+name+" "+is)
		}
	}
}

func TestNoFileIsTooLongToReadAtOnce(t *testing.T) {
	for _, s := range program(t) {
		if s.lines > 300 {
			t.Errorf("%s has %d lines: would two files read better?", s.path, s.lines)
		}
	}
}

func TestNoDirectoryIsADrawer(t *testing.T) {
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if slices.Contains(skipped, d.Name()) {
			return filepath.SkipDir
		}
		if slices.Contains(drawers, d.Name()) {
			t.Errorf("directory %s says nothing about what is inside", p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
