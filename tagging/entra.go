package tagging

import (
	"errors"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// The headers as Microsoft spells them (entra-docs, tenant-restrictions-v2 and
// tenant-restrictions). Go sends the first as Sec-Restrict-… over HTTP/1.1 and
// in lower case over HTTP/2; names are compared without case (RFC 9110, 5.1).
const (
	policyHeader  = "sec-Restrict-Tenant-Access-Policy"
	tenantsHeader = "Restrict-Access-To-Tenants"
	contextHeader = "Restrict-Access-Context"
)

// restrictMSA is the value of policyHeader that keeps personal accounts out of
// consumer applications: v1, and login.live.com only. Microsoft warns that it
// conflicts with v2's value in the same header.
const restrictMSA = "restrict-msa"

// personalAccounts is the one sign-in host that reads restrictMSA.
var personalAccounts = hosts.MustParseSet("login.live.com")

// Bounds on Restrict-Access-To-Tenants. Entra has no count limit, but http.sys
// takes 16 KiB for one field and for the whole section by default, and a
// sign-in's cookies need their share.
const (
	maxTenants  = 16 << 10
	warnTenants = 8 << 10
)

const (
	v1 = "v1"
	v2 = "v2"
)

// Default returns the section of a configuration that says nothing of tagging.
func Default() Config { return Config{Version: v2} }

// entraRules compiles the tags of one version, never both: Microsoft documents
// no precedence for a request that carries v1 and v2.
func entraRules(cfg Config, tenant, policy string) (rules []rule, warnings []error, err error) {
	switch cfg.Version {
	case v1:
		return entraV1(cfg.V1, tenant)
	case v2, "":
		rules, err = entraV2(cfg.V1, tenant, policy)
		return rules, nil, err
	default:
		return nil, nil, setting.Errorf("version", "write v2 or v1", "%q is no version of tenant restrictions", cfg.Version)
	}
}

func entraV2(left V1, tenant, policy string) ([]rule, error) {
	var problems []error
	const hint = "version v2 sends none of it: remove it, or write version: v1"
	if len(left.Allowed) > 0 {
		problems = append(problems, setting.Errorf("v1.allowed", hint, "tenants are listed, but the version is v2"))
	}
	if left.Context != "" {
		problems = append(problems, setting.Errorf("v1.context", hint, "a context is set, but the version is v2"))
	}
	if left.RestrictMSA {
		problems = append(problems, setting.Errorf("v1.restrict_msa",
			"block the tenant 9188040d-6c67-4c5b-b112-36a304b66dad in the cross-tenant access policy instead, or write version: v1",
			"restrict-msa and the policy of version v2 are the same header"))
	}
	home, err := parseGUID(tenant)
	if err != nil {
		problems = append(problems, setting.Errorf("", "Entra admin center > Overview > Tenant ID", "v2 needs tenant.id: %v", err))
	}
	id, err := parseGUID(policy)
	if err != nil {
		problems = append(problems, setting.Errorf("", "the id of GET https://graph.microsoft.com/beta/policies/crossTenantAccessPolicy/default",
			"v2 needs tenant.policy: %v", err))
	}
	if id != "" && id == home {
		problems = append(problems, setting.Errorf("", "the id of GET https://graph.microsoft.com/beta/policies/crossTenantAccessPolicy/default",
			"tenant.policy is the directory ID again; Entra would answer AADSTS1000108"))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return []rule{newRule(signInHosts(tagged).Without(exempt), Tag{policyHeader, home + ":" + id})}, nil
}

func entraV1(cfg V1, tenant string) (rules []rule, warnings []error, err error) {
	list, problems := tenantList(cfg.Allowed)
	context, err := parseGUID(cfg.Context)
	if err != nil {
		problems = append(problems, setting.Errorf("v1.context", "your own directory ID: Entra > Overview > Tenant ID", "%v", err))
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	entra := signInHosts(tagged).Without(exempt).Without(personalAccounts)
	rules = []rule{newRule(entra, Tag{tenantsHeader, strings.Join(list, ",")}, Tag{contextHeader, context})}
	if cfg.RestrictMSA {
		rules = append(rules, newRule(personalAccounts, Tag{policyHeader, restrictMSA}))
	}
	return rules, v1Warnings(list, context, tenant), nil
}

// v1Warnings names what Entra would take but an administrator seldom means.
func v1Warnings(list []string, context, tenant string) []error {
	var warnings []error
	if size := len(strings.Join(list, ",")); size > warnTenants {
		warnings = append(warnings, setting.Errorf("v1.allowed", "version v2 keeps the list in Entra",
			"the header has %d octets; past %d a sign-in with large cookies may be refused", size, warnTenants))
	}
	home, err := parseGUID(tenant)
	if err != nil {
		return warnings // the section that owns tenant.id says so
	}
	if context != home {
		warnings = append(warnings, setting.Errorf("v1.context", "write tenant.id here unless that is meant",
			"%s is not the home tenant: its reports go to that directory", context))
	}
	if !lists(list, home) {
		warnings = append(warnings, setting.Errorf("v1.allowed", "add "+home,
			"the home tenant is not listed: its own users cannot sign in"))
	}
	return warnings
}

// lists tells whether home is or may be in list; a domain may be its own.
func lists(list []string, home string) bool {
	for _, item := range list {
		if item == home || strings.Contains(item, ".") {
			return true
		}
	}
	return false
}
