package proxy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/tenantgate/tenantgate/policy"
)

// permissions are the reasons for which nothing is refused.
var permissions = []policy.Reason{
	policy.UnlistedHost, policy.RestrictedHost, policy.ExemptHost, policy.ClientTLSFailed,
	policy.NoCredential, policy.OtherProvider, policy.SignIn, policy.HomeAccount,
	policy.TokenWithoutSignIn, policy.HostNotIntercepted, policy.SignInsStopped,
	policy.ClientSentTags, policy.PinnedApplication, policy.CANotTrusted,
	policy.SelfProofFailed, policy.SelfProofRestored,
	policy.NameSteered, policy.NameWithheld, policy.NameForwarded, policy.NameUnanswered, policy.QuestionRefused,
}

func TestEveryReasonOfARefusalHasWords(t *testing.T) {
	all := reasons(t)
	for _, reason := range all {
		w, ok := wordings[reason]
		if permitted := slices.Contains(permissions, reason); ok == permitted {
			t.Errorf("%s: has words: %v, is a permission: %v", reason, ok, permitted)
		}
		if ok && (w.title == "" || w.what == "" || w.do == "") {
			t.Errorf("%s: %+v", reason, w)
		}
	}
	for reason := range wordings {
		if !slices.Contains(all, reason) {
			t.Errorf("%s is no reason of the policy", reason)
		}
	}
}

// reasons reads the constants of policy/reason.go.
func reasons(t *testing.T) (all []policy.Reason) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../policy/reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, value := range v.Values {
				s, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, policy.Reason(s))
			}
		}
		return true
	})
	if len(all) < 30 {
		t.Fatalf("only %d reasons found", len(all))
	}
	return all
}
