package tokens

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
)

// TestACustomersSignInIsNobodysOrganization: the same answer is looked into on
// a sign-in host of organizations, and left alone on one of customers.
func TestACustomersSignInIsNobodysOrganization(t *testing.T) {
	f, err := New(Config{}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for host, looked := range map[hosts.Name]bool{
		"login.microsoftonline.com": true, "shop.b2clogin.com": false, "shop.ciamlogin.com": false,
	} {
		resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader("{}"))}
		if a := f.At(host).Answer(&SignIn{issues: true}, resp); (a.carrier != nowhere) != looked {
			t.Errorf("%s: looked into %v, want %v", host, a.carrier != nowhere, looked)
		}
	}
}
