package config

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
)

func TestSchemaForEditorsHasEveryKindOfLink(t *testing.T) {
	var root struct {
		Properties struct {
			Links struct {
				Properties struct {
					Kinds struct {
						PropertyNames struct{ Enum []links.Kind }
						Default       map[links.Kind]policy.LinkSetting
					}
				}
			}
		}
		Defs map[string]struct{ Enum []string } `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(JSONSchema()), &root); err != nil {
		t.Fatal(err)
	}
	kinds := root.Properties.Links.Properties.Kinds
	want := links.Kinds()
	got := slices.Clone(kinds.PropertyNames.Enum)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("schema.json has %v, the program %v", got, want)
	}
	if !reflect.DeepEqual(kinds.Default, policy.DefaultLinks().Kinds) {
		t.Errorf("schema.json has the defaults %v", kinds.Default)
	}
	if words := choicesOf(reflect.TypeFor[policy.LinkSetting](), ""); !slices.Equal(words, root.Defs["link"].Enum) {
		t.Errorf("schema.json has %v, the program %v", root.Defs["link"].Enum, words)
	}
	for _, k := range want {
		if !strings.Contains(Reference(), string(k)) {
			t.Errorf("config/reference.yaml does not name %s", k)
		}
	}
}

func TestLinksAreReadByKind(t *testing.T) {
	src := "tenant: {id: 11111111-1111-1111-1111-111111111111, policy: 22222222-2222-2222-2222-222222222222}\n" +
		"links:\n  default: allow\n  kinds:\n    dns-link: block\n"
	f, err := Parse("f.yaml", []byte(src))
	if err != nil || f.Links.Default != policy.LinkAllow || f.Links.Kinds[links.DNSLink] != policy.LinkBlock {
		t.Errorf("%+v, %v", f.Links, err)
	}
	_, err = Parse("f.yaml", []byte(strings.Replace(src, "dns-link: block", "dns-link: deny", 1)))
	if err == nil || !strings.Contains(err.Error(), "links.kinds.dns-link") || !strings.Contains(err.Error(), "did you mean block?") {
		t.Errorf("a wrong word: %v", err)
	}
}
