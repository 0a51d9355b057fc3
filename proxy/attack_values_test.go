package proxy_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// values expands what stands in double braces. Every credential that may not
// leave carries the marker of its run.
type values struct {
	t      *testing.T
	rig    *proxytest.Rig
	attack *attack
	marker string
	raw    []string // credentials as they were sent
	texts  map[string]string
}

func newValues(t *testing.T, rig *proxytest.Rig, a *attack) *values {
	return &values{t: t, rig: rig, attack: a, marker: "MARKER" + rand.Text(), texts: map[string]string{}}
}

// wire returns a section as bytes to send: line ends in the file mean nothing,
// escapes are Go's.
func (v *values) wire(section string) string {
	v.t.Helper()
	var b strings.Builder
	for line := range strings.Lines(section) {
		b.WriteString(v.escapes(strings.TrimRight(line, "\n")))
	}
	return v.expand(b.String())
}

func (v *values) escapes(line string) string {
	v.t.Helper()
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
	if err != nil {
		v.t.Fatalf("escapes of %q: %v", line, err)
	}
	return s
}

// once returns what make makes, and the same again when it is asked for again:
// what is measured is what is sent, and 20 MB are packed a single time.
func (v *values) once(name string, make func() string) string {
	if _, ok := v.texts[name]; !ok {
		v.texts[name] = make()
	}
	return v.texts[name]
}

// text returns a section as it stands, without its last line end.
func (v *values) text(name string) string {
	v.t.Helper()
	s, ok := v.attack.sections[name]
	if !ok {
		v.t.Fatalf("no section %s", name)
	}
	return v.once(name, func() string { return v.expand(strings.TrimSuffix(s, "\n")) })
}

func (v *values) expand(s string) string {
	v.t.Helper()
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "{{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, rest, ok := strings.Cut(after, "}}")
		if !ok {
			v.t.Fatalf("open braces at %q", after)
		}
		b.WriteString(v.value(name))
		s = rest
	}
}

func (v *values) value(name string) string {
	v.t.Helper()
	word, argument, _ := strings.Cut(name, " ")
	switch word {
	case "token":
		return v.token(argument)
	case "jwt":
		return v.keep(v.rig.Cloud.Sign([]byte(v.text(argument))))
	case "unsigned":
		return v.keep(encode(`{"alg":"none","typ":"JWT"}`) + "." + encode(v.text(argument)) + ".")
	case "jwe":
		return v.keep(encode(`{"alg":"RSA-OAEP","enc":"A256GCM","cty":"JWT"}`) + "." + encode(v.marker) + ".aXYtaXYtaXY." + encode(v.marker) + ".dGFn")
	case "opaque":
		return v.keep("EwBIA8l6BAAU" + v.marker + "AAQ==")
	case "marker":
		return v.marker
	case "repeat":
		count, what, _ := strings.Cut(argument, " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			v.t.Fatalf("repeat %q", argument)
		}
		return strings.Repeat(strings.ReplaceAll(what, `\n`, "\r\n"), n)
	}
	return v.section(word, argument)
}

// section returns what is made of a section, or a fixed value.
func (v *values) section(word, argument string) string {
	v.t.Helper()
	switch word {
	case "body":
		return v.text(argument)
	case "crlf":
		return strings.ReplaceAll(v.text(argument), "\n", "\r\n")
	case "length":
		return strconv.Itoa(len(v.expand("{{" + argument + "}}")))
	case "gzip":
		return v.pack(word, argument, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	case "deflate":
		return v.pack(word, argument, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	case "base64":
		return v.keep(base64.StdEncoding.EncodeToString([]byte(v.text(argument))))
	case "escaped":
		return url.QueryEscape(v.text(argument))
	case "chunked":
		s := v.text(argument)
		return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(s), s)
	}
	fixed := map[string]string{
		"H": demo.Home.ID, "F": demo.Foreign.ID, "P": demo.Partner.ID, "C": demo.Consumer.ID, "policy": demo.Home.Policy,
		"bait": strconv.Itoa(v.rig.Bait.Port()), "explicit": v.rig.Explicit, "steered": v.rig.Steered,
	}
	s, ok := fixed[word]
	if !ok {
		v.t.Fatalf("no value {{%s}}", word)
	}
	return s
}

// token mints. A token that policy lets pass has no marker.
func (v *values) token(of string) string {
	v.t.Helper()
	specs := map[string]demo.Spec{
		"home":      {},
		"home2":     {User: demo.Home.Users[1]},
		"guest":     {IDP: demo.Foreign.ID, User: "grace@fabrikam.com"},
		"outbound":  {Tenant: demo.Foreign.ID, IDP: demo.Home.ID, User: demo.Home.Users[0]},
		"foreign":   {Tenant: demo.Foreign.ID, Marker: v.marker},
		"foreignv1": {Tenant: demo.Foreign.ID, Marker: v.marker, V1: true},
		"app":       {Tenant: demo.Foreign.ID, Marker: v.marker, AppOnly: true},
		"partner":   {Tenant: demo.Partner.ID, Marker: v.marker},
		"consumer":  {Tenant: demo.Consumer.ID, Marker: v.marker},
		"expired":   {Tenant: demo.Foreign.ID, Marker: v.marker, Expires: time.Now().Add(-24 * time.Hour)},
		"arm":       {Audience: "https://management.azure.com"},
		"armf":      {Tenant: demo.Foreign.ID, Marker: v.marker, Audience: "https://management.azure.com"},
	}
	spec, ok := specs[of]
	if !ok {
		v.t.Fatalf("no token %q", of)
	}
	return v.keep(v.rig.Cloud.Mint(spec))
}

func (v *values) keep(raw string) string {
	v.raw = append(v.raw, raw)
	return raw
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func (v *values) pack(word, section string, with func(io.Writer) io.WriteCloser) string {
	return v.once(word+" "+section, func() string {
		var b bytes.Buffer
		w := with(&b)
		_, _ = io.WriteString(w, v.text(section)) // a bytes.Buffer takes everything
		_ = w.Close()
		return b.String()
	})
}
