package onboard

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"strings"
	"text/template"
)

// File is one file to copy.
type File struct {
	Path  string      // slash-separated, below the directory that is written
	About string      // what it is for, in a line
	Mode  fs.FileMode // scripts can be run
	Data  []byte
}

//go:embed templates
var templates embed.FS

// artifact is a file that a template of the same path makes.
type artifact struct {
	Path, About string
	encode      func([]byte) []byte // how its consumer wants the text; nil: as it is
	script      bool
	v2          bool // only with tenant restrictions v2
}

var artifacts = []artifact{
	{Path: "README.txt", About: "what is here, and in which order to use it"},
	{Path: "apple/tenantgate.mobileconfig", About: "macOS, and supervised iOS: root, PAC file, browsers without QUIC"},
	{Path: "windows/install.ps1", About: "Windows: imports the root and sets WinHTTP", encode: crlf, script: true},
	{Path: "windows/winhttp.json", About: "Windows: the WinHTTP settings that install.ps1 sets"},
	{Path: "windows/proxy.reg", About: "Windows: PAC file for the whole machine", encode: registry},
	{Path: "windows/browsers.reg", About: "Windows: policies of Chrome, Edge and Firefox", encode: registry},
	{Path: "windows/trv2.reg", About: "Windows: its own tenant restrictions v2, beside the proxy", encode: registry, v2: true},
	{Path: "windows/gpo.txt", About: "Windows: the same values by their names in group policy", encode: crlf},
	{Path: "windows/intune.json", About: "Windows: the same values as Intune's custom settings (OMA-URI)"},
	{Path: "browsers/chrome.json", About: "Chrome and Chromium on Linux: managed policy"},
	{Path: "browsers/edge.json", About: "Edge on Linux: managed policy"},
	{Path: "browsers/edge-headers.json", About: "Edge 153 and later, and Chromium of that age: the tags, set by the browser too"},
	{Path: "browsers/firefox.json", About: "Firefox: policies.json"},
	{Path: "linux/trust.sh", About: "Linux: trusts the root in the system's stores, NSS and Java", script: true},
	{Path: "linux/environment.sh", About: "Linux: /etc/profile.d, proxy and trust for programs that read the environment"},
	{Path: "runtimes/README.txt", About: "Java, Node, Python, git, Go, .NET: what each reads"},
	{Path: "firewall/tenantgate.nft", About: "nftables: closes QUIC and the direct way to the sign-in service"},
	{Path: "firewall/rules.txt", About: "the same for any other firewall"},
	{Path: "notice/notice.html", About: "a notice for users, for the intranet"},
	{Path: "notice/notice.txt", About: "the same for a mail"},
}

// Files returns everything there is to copy for an installation. The same
// installation makes the same files, octet by octet.
func Files(i Installation) ([]File, error) {
	f, err := newFacts(i)
	if err != nil {
		return nil, err
	}
	all := certificates(i.Roots)
	for _, a := range f.Files {
		text, err := a.render(f)
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o644)
		if a.script {
			mode = 0o755
		}
		all = append(all, File{a.Path, a.About, mode, text})
	}
	return all, nil
}

func (a artifact) render(f facts) ([]byte, error) {
	src, err := fs.ReadFile(templates, "templates/"+a.Path)
	if err != nil {
		return nil, fmt.Errorf("onboard: %w", err)
	}
	t, err := template.New(a.Path).Option("missingkey=error").Funcs(quotes).Parse(string(src))
	if err != nil {
		return nil, fmt.Errorf("onboard: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, f); err != nil {
		return nil, fmt.Errorf("onboard: %w", err)
	}
	if a.encode == nil {
		return text.Bytes(), nil
	}
	return a.encode(text.Bytes()), nil
}

// quotes are how a value is written in each kind of file.
var quotes = template.FuncMap{
	"json":        asJSON,
	"xml":         asXML,
	"reg":         asRegistry,
	"regJSON":     func(v any) (string, error) { s, err := asJSON(v); return asRegistry(s), err },
	"base64":      func(b []byte) string { return base64.StdEncoding.EncodeToString(b) },
	"indent64":    func(b []byte) string { return wrap(base64.StdEncoding.EncodeToString(b), 64) },
	"uuid":        uuid,
	"thumbprint":  thumbprint,
	"fingerprint": fingerprint,
	"join":        strings.Join,
	"date":        func(t interface{ Format(string) string }) string { return t.Format("2006-01-02") },
	"pad":         func(s string) string { return fmt.Sprintf("%-30s", s) },
	"pac":         pacSettings,
}

func asJSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func asXML(s string) (string, error) {
	var b bytes.Buffer
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// asRegistry writes a REG_SZ as .reg files have it.
func asRegistry(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func wrap(s string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + "\n")
		s = s[width:]
	}
	return b.String() + s
}

// browserProxy is the policy ProxySettings of Chrome and Edge. Mandatory keeps
// a browser that cannot fetch the file from going without a proxy.
type browserProxy struct {
	Mode      string `json:"ProxyMode"`
	PAC       string `json:"ProxyPacUrl"`
	Mandatory bool   `json:"ProxyPacMandatory"`
}

func pacSettings(address string) browserProxy { return browserProxy{"pac_script", address, true} }
