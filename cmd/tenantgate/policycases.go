package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tokens"
)

// expectations are a file of requests and what the policy should say of them.
type expectations struct {
	Owners map[string]string `yaml:"owners"` // tenants of hosts, which nobody is asked about
	Cases  []expectation     `yaml:"cases"`
}

type expectation struct {
	Name    string            `yaml:"name"`
	Method  string            `yaml:"method"`
	URL     string            `yaml:"url"`
	Client  string            `yaml:"client"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	Token   map[string]any    `yaml:"token"` // claims of a bearer token; its signature is not looked at
	Want    judgement         `yaml:"want"`
}

// judgement is what the policy says of a request. Of what is wanted, empty is anything.
type judgement struct {
	Verdict  string `yaml:"verdict" json:"verdict,omitempty"`
	Reason   string `yaml:"reason" json:"reason,omitempty"`
	Relation string `yaml:"relation" json:"relation,omitempty"`
	Rule     string `yaml:"rule" json:"rule,omitempty"`
}

// result is one case as --json prints it.
type result struct {
	Name string    `json:"name"`
	OK   bool      `json:"ok"`
	Want judgement `json:"want"`
	Got  judgement `json:"got"`
}

func policyTest() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test -c FILE [--json] CASES",
		Short: "Compare what the policy says of requests with what is expected",
		Long: `test asks the policy about each request in CASES, a YAML file, as explain
does: without the network. It exits 1 if one is not as expected. See
docs/policy.md.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			b, err := assemble(f, offline)
			if err != nil {
				return err
			}
			e, err := readExpectations(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			b.rules.Owner = e.owner
			results, err := e.compare(b.rules)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return printResults(cmd.OutOrStdout(), results, asJSON)
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON")
	return cmd
}

func readExpectations(name string, in io.Reader) (*expectations, error) {
	text, err := readInput(name, in)
	if err != nil {
		return nil, err
	}
	var e expectations
	if err := yaml.UnmarshalWithOptions(text, &e, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", name, yaml.FormatError(err, false, false))
	}
	if len(e.Cases) == 0 {
		return nil, fmt.Errorf("%s: has no cases", name)
	}
	for i, c := range e.Cases {
		if c.Want == (judgement{}) {
			return nil, fmt.Errorf("%s: case %d (%s) wants nothing: write verdict, reason, relation or rule", name, i+1, visible(c.Name))
		}
	}
	owners := make(map[string]string, len(e.Owners))
	for host, tenant := range e.Owners {
		n, err := hosts.Parse(host)
		id, ok := tokens.ParseTenant(tenant)
		if err != nil || !ok {
			return nil, fmt.Errorf("%s: owners: %s: %s is not a host with its directory ID", name, visible(host), visible(tenant))
		}
		owners[string(n)] = string(id)
	}
	e.Owners = owners
	return &e, nil
}

func (e *expectations) owner(_ context.Context, n hosts.Name) tokens.Tenant {
	return tokens.Tenant(e.Owners[string(n)])
}

func (e *expectations) compare(rules *proxy.Rules) ([]result, error) {
	var s proxy.Server
	s.Use(rules)
	var all []result
	for i, c := range e.Cases {
		if c.Name == "" {
			c.Name = fmt.Sprintf("case %d", i+1)
		}
		got, err := c.ask(&s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", visible(c.Name), err)
		}
		all = append(all, result{Name: c.Name, OK: c.Want.matches(got), Want: c.Want, Got: got})
	}
	return all, nil
}

func (c expectation) ask(s *proxy.Server) (judgement, error) {
	q := question{method: c.Method, client: "127.0.0.1", url: c.URL}
	if c.Body != "" {
		q.text = []byte(c.Body)
	}
	if c.Client != "" {
		q.client = c.Client
	}
	for name, value := range c.Headers {
		q.headers = append(q.headers, name+": "+value)
	}
	if c.Token != nil {
		bearer, err := unsigned(c.Token)
		if err != nil {
			return judgement{}, err
		}
		q.headers = append(q.headers, "Authorization: Bearer "+bearer)
	}
	r, client, err := q.request()
	if err != nil {
		return judgement{}, err
	}
	x := s.Explain(r, client)
	v := x.Connection
	if x.Judged {
		v = x.Request
	}
	return judgement{verdict(v), string(v.Reason), string(v.Relation), v.Rule}, nil
}

// unsigned makes a token with claims. Nothing here looks at signatures.
func unsigned(claims map[string]any) (string, error) {
	text, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(text) + "." + part([]byte("no signature")), nil
}

func (want judgement) matches(got judgement) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(want.Verdict, got.Verdict) && same(want.Reason, got.Reason) && same(want.Relation, got.Relation) && same(want.Rule, got.Rule)
}

func (o judgement) String() string {
	var words []string
	for _, w := range []string{o.Verdict, o.Reason, o.Relation} {
		if w != "" {
			words = append(words, w)
		}
	}
	if o.Rule != "" {
		words = append(words, "by "+o.Rule)
	}
	return strings.Join(words, " ")
}

func printResults(w io.Writer, all []result, asJSON bool) error {
	failed := 0
	for _, r := range all {
		if !r.OK {
			failed++
		}
	}
	if asJSON {
		if err := json.NewEncoder(w).Encode(map[string]any{"cases": all, "failed": failed}); err != nil {
			return err
		}
	} else {
		for _, r := range all {
			if r.OK {
				fmt.Fprintf(w, "ok    %s\n", visible(r.Name))
				continue
			}
			fmt.Fprintf(w, "FAIL  %s\n      want %s\n      got  %s\n", visible(r.Name), visible(r.Want.String()), r.Got)
		}
		if _, err := fmt.Fprintf(w, "%d of %d as expected\n", len(all)-failed, len(all)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return errSilent
	}
	return nil
}
