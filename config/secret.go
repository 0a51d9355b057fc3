package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSecret is the longest secret that is read, in octets.
const maxSecret = 64 << 10

// expand returns s with ${file:/path} and ${env:NAME} replaced by what they
// name. Errors name the reference, never the content. A file's one trailing
// line break is dropped, since editors write it.
func (d *document) expand(s, path string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "${")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		reference, after, closed := strings.Cut(rest, "}")
		if !closed {
			d.wrong(path, "write ${file:/path} or ${env:NAME}", "a secret reference has no closing brace")
			return ""
		}
		value, ok := d.resolve(reference, path)
		if !ok {
			return ""
		}
		d.secret[path] = true
		d.secrets = append(d.secrets, value)
		slices.SortFunc(d.secrets, func(a, b string) int { return len(b) - len(a) })
		b.WriteString(value)
		s = after
	}
}

func (d *document) resolve(reference, path string) (string, bool) {
	scheme, name, _ := strings.Cut(reference, ":")
	switch {
	case scheme == "env" && name != "":
		value := os.Getenv(name)
		if value == "" {
			d.wrong(path, "set it before the start", "${env:%s}: the environment variable is not set or empty", printable(name))
		}
		return value, value != ""
	case scheme == "file" && filepath.IsAbs(name):
		return d.secretFile(name, path)
	case scheme == "file":
		d.wrong(path, "write ${file:/run/secrets/name}", "${file:%s}: want an absolute path", printable(name))
	default:
		d.wrong(path, "write ${file:/path} or ${env:NAME}", "%s is not a secret reference", d.quote("", "${"+reference+"}"))
	}
	return "", false
}

// secretFile reads a secret. A pipe or a device is refused, since each reload
// reads it again.
func (d *document) secretFile(name, path string) (string, bool) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		d.wrong(path, "", "${file:%s}: %s", printable(name), unreadable(name, err))
		return "", false
	case !info.Mode().IsRegular():
		d.wrong(path, "", "${file:%s}: is not a regular file", printable(name))
		return "", false
	}
	b, err := readBounded(name, maxSecret)
	if err != nil {
		d.wrong(path, "", "${file:%s}: %s", printable(name), unreadable(name, err))
		return "", false
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if value == "" {
		d.wrong(path, "", "${file:%s}: is empty", printable(name))
	}
	return value, value != ""
}
