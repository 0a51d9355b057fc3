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
	b.WriteString("// Hosts that go direct, though a pattern of proxied may cover them: =name is that name, .name is every name beneath it.\n")
	table(&b, "direct", c.direct.Patterns())
	b.WriteString("\n// Hosts that go to a proxy.\n")
	table(&b, "proxied", c.proxied.Patterns())
	b.WriteString("\n// The proxies, each with a number made from its name.\nvar proxies = [")
	for i, p := range c.proxies {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  [%s, %d]", quote("PROXY "+p.at), p.seed)
	}
	b.WriteString("\n];\n\n// What decides which proxy comes first; empty: the host.\nvar key = " + quote(c.key) + ";\n")
	if c.last != "" {
		b.WriteString("\n// FAIL OPEN: whoever can keep a client from reaching the proxies sends it past them.\n")
	} else {
		b.WriteString("\n// What is tried when no proxy answers: nothing.\n")
	}
	b.WriteString("var last = " + quote(c.last) + ";\n")
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

// code looks a host up as hosts.Set does, and orders the proxies as order does. Clients differ in what they pass:
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

function weight(seed, h) {
  var x = (seed ^ h) & 65535;
  x = (x ^ (x >> 8)) * 34997 & 65535;
  x = (x ^ (x >> 7)) * 56109 & 65535;
  return x ^ (x >> 9);
}

function inOrder(key) {
  var h = 0, names = [], weights = [], i, j, w;
  for (i = 0; i < key.length; i++) {
    h = (h * 31 + key.charCodeAt(i)) % 65521;
  }
  for (i = 0; i < proxies.length; i++) {
    w = weight(proxies[i][1], h);
    for (j = i; j > 0 && weights[j - 1] < w; j--) {
      names[j] = names[j - 1];
      weights[j] = weights[j - 1];
    }
    names[j] = proxies[i][0];
    weights[j] = w;
  }
  return names.join("; ");
}

function FindProxyForURL(url, host) {
  host = ("" + host).toLowerCase();
  if (host.charAt(host.length - 1) === ".") {
    host = host.substring(0, host.length - 1);
  }
  if (listed(direct, host) || !listed(proxied, host)) {
    return "DIRECT";
  }
  return inOrder(key || host) + last;
}
`
