package policy

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentsNameEveryResolver keeps the list that an administrator reads and
// the list that decides the same.
func TestDocumentsNameEveryResolver(t *testing.T) {
	page, err := os.ReadFile("../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resolvers {
		if !strings.Contains(string(page), "`"+r.pattern+"`") {
			t.Errorf("docs/providers.md does not name %s", r.pattern)
		}
	}
}

// TestNoResolverIsRestricted: a restricted host is decrypted, whatever this
// list says of it.
func TestNoResolverIsRestricted(t *testing.T) {
	for _, r := range resolvers {
		for _, suffix := range []string{"microsoft.com", "microsoftonline.com", "windows.net", "office.com", "azure.com", "live.com"} {
			if strings.HasSuffix(r.pattern, suffix) {
				t.Errorf("%s is Microsoft's", r.pattern)
			}
		}
	}
}
