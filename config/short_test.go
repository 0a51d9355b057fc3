package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/policy"
)

const tenantLine = "tenant: {id: 11111111-1111-1111-1111-111111111111, policy: 22222222-2222-2222-2222-222222222222}\n"

func TestASettingOfARelationIsOneWordOrUsersAndApplications(t *testing.T) {
	list := []string{"55555555-5555-5555-5555-555555555555"}
	for src, want := range map[string]policy.Access{
		"block": policy.All(policy.Deny),
		"{users: allow, applications: {allow: [55555555-5555-5555-5555-555555555555]}}": {
			Users: policy.Targets{Setting: policy.Allow}, Applications: policy.Targets{Allow: list}},
		"{applications: {block: [55555555-5555-5555-5555-555555555555]}}":                  {Applications: policy.Targets{Block: list}},
		"\n      users:\n        block:\n          - 55555555-5555-5555-5555-555555555555": {Users: policy.Targets{Block: list}},
	} {
		for _, at := range []string{"policy:\n  default:\n    outbound: ", "policy:\n  partners:\n  - tenant: fabrikam.com\n    outbound: "} {
			f, err := Parse("f.yaml", []byte(tenantLine+at+src+"\n"))
			if err != nil {
				t.Errorf("%s: %v", src, err)
				continue
			}
			got := f.Policy.Default.Outbound
			if len(f.Policy.Partners) > 0 {
				got = f.Policy.Partners[0].Outbound
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", src, diff)
			}
		}
	}
}

func TestWhatIsNoSettingOfARelationIsToldByItsPlace(t *testing.T) {
	for src, want := range map[string]string{
		"allowed":                           `f.yaml:4:15: policy.default.outbound: "allowed" is not allow or block (did you mean allow?)`,
		"":                                  `f.yaml:4:5: policy.default.outbound: has no value (leave the key out for the default)`,
		"[a]":                               `policy.default.outbound: is a list, want allow or block, or a section with users or applications`,
		"{}":                                `policy.default.outbound: is an empty section, want allow or block, or a section with users or applications`,
		"{users: [a]}":                      `policy.default.outbound.users: is a list, want allow or block, or a section with allow or block`,
		"{userss: allow}":                   `policy.default.outbound.userss: unknown key (did you mean users?)`,
		"{users: {allow: x}}":               `policy.default.outbound.users.allow: is text, want a list (write [x])`,
		"{applications: {targets: [a, b]}}": `policy.default.outbound.applications.targets: unknown key`,
	} {
		_, err := Parse("f.yaml", []byte(tenantLine+"policy:\n  default:\n    outbound: "+src+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", src, err, want)
		}
	}
}
