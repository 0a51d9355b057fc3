package config

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAColonWithoutABlankIsTextInAListWithinBraces(t *testing.T) {
	const tenant = "tenant: {id: " + sampleID + ", policy: " + samplePolicy + "}\n"
	for _, c := range []struct {
		list string
		want []string
	}{
		{"[host.name:8080]", []string{"host.name:8080"}},
		{"[ 'é:1',host.name:8080 , b.test:80]", []string{"é:1", "host.name:8080", "b.test:80"}},
		{"[http://a.test:80/b?c, 10.0.0.1:443]", []string{"http://a.test:80/b?c", "10.0.0.1:443"}},
		{"[a:b:c:1, a:1 b]", []string{"a:b:c:1", "a:1 b"}},
		{"[\n  host.name:8080,\n  é.test:1, c.test:2]", []string{"host.name:8080", "é.test:1", "c.test:2"}},
	} {
		for _, pattern := range []string{"tokens: {hosts: %s}\n", "# é\r\ntokens: {\r\n hosts: %s}\r\n", "tokens:\n  hosts: %s\n"} {
			f, err := Parse("tenantgate.yaml", []byte(tenant+fmt.Sprintf(pattern, c.list)))
			if diff := cmp.Diff(c.want, f.Tokens.Hosts); diff != "" {
				t.Errorf("%s in %q: %v (-want +got):\n%s", c.list, pattern, err, diff)
			}
		}
	}
}
