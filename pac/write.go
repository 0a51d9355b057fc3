package pac

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

// Write writes the PAC file for s. Equal scripts give equal octets, in ASCII.
//
// The language is ES3, because WinHTTP's JScript knows no more, and there is no
// function that asks the DNS: those block each request and leak names.
func Write(w io.Writer, s Script) error {
	src, err := source(s)
	if err != nil {
		return err
	}
	if _, err := w.Write(src); err != nil {
		return fmt.Errorf("write PAC: %w", err)
	}
	return nil
}

func source(s Script) ([]byte, error) {
	c, err := compile(s)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("// Hosts that never leave the direct path, though a pattern of restricted covers them.\n")
	table(&b, "exempt", c.restricted.Exceptions())
	b.WriteString("\n// Hosts that go to a proxy, never direct: =name is that name, .name is every name beneath it.\n")
	table(&b, "restricted", c.restricted.Patterns())
	b.WriteString("\n// What is tried for a restricted host, by hash of its name.\nvar routes = [")
	for i, route := range c.routes {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  " + quote(route))
	}
	b.WriteString("\n];\n")
	b.WriteString(code)
	head := fmt.Sprintf("// tenantgate proxy auto-configuration, version %x\n\n", sha256.Sum256(b.Bytes()))
	return append([]byte(head), b.Bytes()...), nil
}

// table writes patterns as the keys of an object. The sign in front keeps a
// host called __proto__ from being anything but a key.
func table(b *bytes.Buffer, name string, patterns []string) {
	b.WriteString("var " + name + " = {")
	for i, p := range patterns {
		if i > 0 {
			b.WriteByte(',')
		}
		key := "=" + p
		if suffix, ok := strings.CutPrefix(p, "*"); ok {
			key = suffix
		}
		b.WriteString("\n  " + quote(key) + ": 1")
	}
	b.WriteString("\n};\n")
}

// quote returns s as a string literal of ES3 in ASCII that is nothing but
// data: whatever is not plain is escaped, a quote, a slash and a line end too.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(" ._-=:;[]", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	b.WriteByte('"')
	return b.String()
}

// code looks a host up as hosts.Set does. Clients differ in what they pass:
// WinHTTP keeps the case of the URL, and a trailing dot arrives as typed. The
// URL is not looked at: Chrome and Firefox cut it for https, and plain http to
// a restricted host belongs to the proxy as well.
const code = `
function listed(set, host) {
  var i;
  if (set.hasOwnProperty("=" + host)) {
    return true;
  }
  for (i = host.indexOf("."); i >= 0; i = host.indexOf(".", i + 1)) {
    if (set.hasOwnProperty(host.substring(i))) {
      return true;
    }
  }
  return false;
}

function FindProxyForURL(url, host) {
  var h = 0, i;
  host = ("" + host).toLowerCase();
  if (host.charAt(host.length - 1) === ".") {
    host = host.substring(0, host.length - 1);
  }
  if (listed(exempt, host) || !listed(restricted, host)) {
    return "DIRECT";
  }
  for (i = 0; i < host.length; i++) {
    h = (h * 31 + host.charCodeAt(i)) % 65521;
  }
  return routes[h % routes.length];
}
`
