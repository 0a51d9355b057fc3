package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// question is the request that explain is asked about.
type question struct {
	method, body, client string
	headers              []string
}

func explainCommand() *cobra.Command {
	var from source
	var q question
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain -c FILE [-X METHOD] [-H 'Name: value']... [--body FILE] [--client IP] [--json] URL",
		Short: "Say what would happen to a request, and why, without sending it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			b, err := assemble(f, offline)
			if err != nil {
				return err
			}
			r, client, err := q.request(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			var s proxy.Server
			s.Use(b.rules)
			x := s.Explain(r, client)
			if asJSON {
				_, err := cmd.OutOrStdout().Write(x.Event.JSON(observer()))
				return err
			}
			return printExplanation(cmd.OutOrStdout(), x)
		},
	}
	from.flags(cmd, true)
	cmd.Flags().StringVarP(&q.method, "request", "X", "", "`METHOD` (default GET, or POST with a body)")
	cmd.Flags().StringArrayVarP(&q.headers, "header", "H", nil, "`'Name: value'`, as often as needed")
	cmd.Flags().StringVar(&q.body, "body", "", "`FILE` with the body; - is standard input")
	cmd.Flags().StringVar(&q.client, "client", "127.0.0.1", "the client's `IP` address")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the event that it would leave")
	return cmd
}

func (q question) request(url string, in io.Reader) (*http.Request, netip.Addr, error) {
	client, err := netip.ParseAddr(q.client)
	if err != nil {
		return nil, client, fmt.Errorf("--client: %q is not an address", q.client)
	}
	var body []byte
	switch q.body {
	case "":
	case "-":
		body, err = io.ReadAll(in)
	default:
		body, err = os.ReadFile(q.body)
	}
	if err != nil {
		return nil, client, fmt.Errorf("--body: %w", err)
	}
	method := q.method
	if method == "" {
		method = http.MethodGet
		if q.body != "" {
			method = http.MethodPost
		}
	}
	if !strings.Contains(url, "://") {
		url = "https://" + url
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		// The error has the URL in it, and that may have a secret.
		return nil, client, errors.New("the last argument is not a URL such as https://graph.microsoft.com/v1.0/me")
	}
	for _, line := range q.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, client, errors.New("-H wants 'Name: value'")
		}
		r.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return r, client, nil
}

func observer() audit.Observer {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return audit.Observer{Hostname: host, Version: release}
}

// printExplanation writes an explanation for a person.
func printExplanation(w io.Writer, x proxy.Explanation) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("connection", "%s (%s)", verdict(x.Connection), x.Connection.Reason)
	if x.Judged {
		line("request", "%s (%s)", verdict(x.Request), x.Request.Reason)
		line("plane", "%s", x.Event.Plane)
		line("relation", "%s", x.Event.Relation)
		for _, c := range x.Found {
			line("credential", "%s in %s%s", c.Kind, c.Place, whose(string(c.Tenant), string(c.Account), c.Why))
		}
		if len(x.Found) == 0 {
			line("credential", "none")
		}
		for _, l := range x.Links {
			line("link", "%s%s", l, ofTenant(string(l.Tenant)))
		}
		line("tags", "%s", list(x.Tags))
		line("client tags", "%s", list(x.ClientTags))
	}
	if x.Status != 0 {
		reason := x.Connection.Reason
		if x.Judged {
			reason = x.Request.Reason
		}
		line("client sees", "%d: %s", x.Status, proxy.Words(reason))
	}
	for _, u := range x.Unknown {
		line("unknown", "%s", u)
	}
	line("event", "%s", x.Event.Kind)
	return t.Flush()
}

func verdict(v policy.Verdict) string {
	if v.Observed {
		return v.Action.String() + ", would be blocked"
	}
	return v.Action.String()
}

func whose(tenant, account, why string) string {
	switch {
	case why != "":
		return ", unreadable: " + why
	case tenant == "":
		return ""
	case account == tenant:
		return ", of tenant " + tenant
	case account == "":
		return ", for tenant " + tenant + ", of an account elsewhere"
	default:
		return ", for tenant " + tenant + ", of an account of " + account
	}
}

func ofTenant(tenant string) string {
	if tenant == "" {
		return ""
	}
	return ", of tenant " + tenant
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
