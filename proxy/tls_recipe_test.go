package proxy_test

import (
	"bufio"
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"
)

// A tlsRow is a line of testdata/tls/upstream.txt.
type tlsRow struct {
	id, what, verdict string
	recipe            recipe
}

// A recipe is how an origin differs from one that is fine.
type recipe map[string]string

func tlsRows(t *testing.T, path string) (rows []tlsRow) {
	t.Helper()
	f := must(os.Open(path))(t)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		cells := strings.Split(lines.Text(), "|")
		if len(cells) != 4 {
			t.Fatalf("%s: %q has %d cells, want 4", path, lines.Text(), len(cells))
		}
		row := tlsRow{strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[3]), recipe{}}
		for word := range strings.FieldsSeq(cells[2]) {
			key, value, ok := strings.Cut(word, "=")
			if !ok {
				t.Fatalf("%s: %s: %q is not key=value", path, row.id, word)
			}
			row.recipe[key] = strings.ReplaceAll(value, `\0`, "\x00")
		}
		rows = append(rows, row)
	}
	return rows
}

func (r recipe) or(key, otherwise string) string {
	if v, ok := r[key]; ok {
		return v
	}
	return otherwise
}

func (r recipe) after(t *testing.T, key string, otherwise time.Duration) time.Time {
	t.Helper()
	d := otherwise
	if v, ok := r[key]; ok {
		d = must(time.ParseDuration(v))(t)
	}
	return time.Now().Add(d)
}

// suites are those that the recipe names; nil are Go's.
func (r recipe) suites(t *testing.T) (ids []uint16) {
	t.Helper()
	name, ok := r["server.suites"]
	if !ok {
		return nil
	}
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			if s.Name == name {
				return []uint16{s.ID}
			}
		}
	}
	t.Fatalf("Go has no suite %s", name)
	return nil
}

var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
