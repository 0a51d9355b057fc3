package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/setting"
)

// refuseLoose refuses a policy in which an entry that nobody can tell the
// tenant of would have to refuse something.
func refuseLoose(all []policy.LeftOut) error {
	var bad []error
	for _, one := range all {
		if len(one.Loose) == 0 {
			continue
		}
		bad = append(bad, setting.Errorf(one.Path, "write its directory ID, which needs no look-up: https://login.microsoftonline.com/"+one.Domain+"/v2.0/.well-known/openid-configuration names it",
			"which tenant %q is could not be learnt; without the entry, what its %s refuses would pass", one.Domain, strings.Join(one.Loose, ", ")))
	}
	return errors.Join(bad...)
}

// domains are those of the entries.
func domains(all []policy.LeftOut) []string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = one.Domain
	}
	return list
}

// noteUnresolved says what check, which asks nobody, could not learn.
func noteUnresolved(w io.Writer, name string, all []policy.LeftOut) {
	for _, one := range all {
		what := "until it is known, its entry permits nothing"
		if len(one.Loose) > 0 {
			what = fmt.Sprintf("until it is known, nothing starts, for its %s may refuse what the defaults permit; a directory ID needs no look-up", strings.Join(one.Loose, ", "))
		}
		fmt.Fprintf(w, "%s: note: which tenant %s is will be asked at the start; %s\n", name, one.Domain, what)
	}
}
