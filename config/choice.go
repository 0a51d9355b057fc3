package config

import (
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// choices are the settings that take one of a few words, by path. The settings
// of a relation and of a link are known by their types, policy.Setting and
// policy.LinkSetting.
var choices = map[string][]string{
	"mode":            {Enforce, Observe},
	"tagging.version": {"v2", "v1"},
	"policy.unlisted": {"tunnel", "block"},
	"policy.exempt":   {"tunnel", "block"},
	"policy.not_tls":  {"tunnel", "block"},

	"policy.encrypted_dns": {"tunnel", "block"},

	"listen.socks":       {string(proxy.NoSOCKS), string(proxy.Anonymous), string(proxy.AnySOCKS)},
	"listen.transparent": {string(proxy.NotTransparent), string(proxy.Redirect), string(proxy.TProxy)},

	"policy.sync.cloud":      {"global", "usgov", "china"},
	"policy.sync.credential": {"managed", "workload", "certificate", "secret"},
}

func choicesOf(t reflect.Type, path string) []string {
	switch t {
	case reflect.TypeFor[policy.Setting]():
		return []string{string(policy.Allow), string(policy.Deny)}
	case reflect.TypeFor[policy.LinkSetting]():
		return []string{string(policy.LinkBlock), string(policy.LinkObserve), string(policy.LinkAllow)}
	}
	return choices[path]
}

// meant are words that other products and older habits use for ours.
var meant = map[string]string{
	"reportonly": Observe, "report": Observe, "audit": Observe, "monitor": Observe, "dryrun": Observe, "off": Observe,
	"enforced": Enforce, "enforcing": Enforce, "on": Enforce, "enabled": Enforce, "active": Enforce,
	"allowed": "allow", "permit": "allow", "accept": "allow", "true": "allow", "yes": "allow",
	"blocked": "block", "deny": "block", "denied": "block", "drop": "block", "reject": "block", "refuse": "block",
	"false": "block", "no": "block",
	"2": "v2", "trv2": "v2", "1": "v1", "trv1": "v1",
	"splice": "tunnel", "pass": "tunnel", "passthrough": "tunnel", "bypass": "tunnel", "direct": "tunnel",
}

// choose sets v to the word that n is, which must be one of values.
func (d *document) choose(n ast.Node, v reflect.Value, path string, values []string) {
	word, ok := d.text(n, path)
	if !ok {
		word, _ = literal(n)
	}
	for _, value := range values {
		if word == value && ok {
			v.SetString(word)
			return
		}
	}
	hint := "write " + strings.Join(values, " or ")
	if like := likely(word, values); like != "" && !d.secret[path] {
		hint = "did you mean " + like + "?"
	}
	d.wrong(path, hint, "%s is not %s", d.told(n, path), strings.Join(values, " or "))
}

func likely(word string, values []string) string {
	for _, value := range values {
		if meant[squash(word)] == value {
			return value
		}
	}
	return nearest(word, values)
}
