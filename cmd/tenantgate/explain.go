package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/proxy"
)

// question is the request that explain is asked about.
type question struct {
	method, url, client string
	headers             []string
	text                []byte // the body; nil without one
}

func explainCommand() *cobra.Command {
	var from source
	var q question
	var body string
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
			if q.url = args[0]; body != "" {
				if q.text, err = readInput(body, cmd.InOrStdin()); err != nil {
					return fmt.Errorf("--body: %w", err)
				}
			}
			r, client, err := q.request()
			if err != nil {
				return err
			}
			var s proxy.Server
			s.Use(b.rules)
			x := s.Explain(r, client)
			if asJSON {
				f.Events.Privacy.Key, _ = os.ReadFile(stateDir(f, "digest.key")) // where it cannot be read, the hash is of this moment
				line, err := explainJSON(x, f.Events.Privacy, f.Where)
				if err == nil {
					_, err = cmd.OutOrStdout().Write(line)
				}
				return err
			}
			return printExplanation(cmd.OutOrStdout(), x, f.Where)
		},
	}
	from.flags(cmd, true)
	cmd.Flags().StringVarP(&q.method, "request", "X", "", "`METHOD` (default GET, or POST with a body)")
	cmd.Flags().StringArrayVarP(&q.headers, "header", "H", nil, "`'Name: value'`, as often as needed")
	cmd.Flags().StringVar(&body, "body", "", "`FILE` with the body; - is standard input")
	cmd.Flags().StringVar(&q.client, "client", "127.0.0.1", "the client's `IP` address")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the event that it would leave, with an explanation")
	return cmd
}

func (q question) request() (*http.Request, netip.Addr, error) {
	client, err := netip.ParseAddr(q.client)
	if err != nil {
		return nil, client, fmt.Errorf("--client: %q is not an address", q.client)
	}
	method, url := q.method, q.url
	if method == "" {
		method = http.MethodGet
		if q.text != nil {
			method = http.MethodPost
		}
	}
	if !strings.Contains(url, "://") {
		url = "https://" + url
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(q.text))
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

// observerOf is observer beside the CA that f's state holds.
func observerOf(f config.File) audit.Observer {
	o := observer()
	o.Ours = storedCA(stateDir(f, "ca"))
	return o
}
