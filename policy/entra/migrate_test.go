package entra

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// What is sent to Graph, read back, permits the tenants of the list and no
// other; Graph takes twenty requests at a time.
func TestAMigratedListPermitsItsTenantsAndNoOthers(t *testing.T) {
	var list []string
	for i := range 45 {
		list = append(list, fmt.Sprintf("%08x-0000-4000-8000-000000000000", i+1))
	}
	var text bytes.Buffer
	if err := WriteBatches(&text, Migrate(list)); err != nil {
		t.Fatal(err)
	}
	var s Settings
	var sizes []int
	for d := json.NewDecoder(&text); ; {
		var batch struct {
			Requests []struct {
				ID, Method, URL string
				Body            json.RawMessage
			}
		}
		err := d.Decode(&batch)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(batch.Requests))
		for _, r := range batch.Requests {
			if err := s.Add(r.Body); err != nil {
				t.Fatalf("%s %s: %v", r.Method, r.URL, err)
			}
		}
	}
	if fmt.Sprint(sizes) != "[20 20 6]" {
		t.Errorf("batches of %v", sizes)
	}
	p, yaml, err := inForce(&s)
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	for i, tenant := range append(list, string(external)) {
		c := &tokens.Token{Tenant: tokens.Tenant(tenant), Account: tokens.Tenant(tenant)}
		if v := p.DecideRequest(policy.Request{Plane: policy.Data, Tokens: []*tokens.Token{c}}); v.Blocked() != (i == len(list)) {
			t.Errorf("%s: %s by %s", tenant, v.Action, v.Rule)
		}
	}
}
