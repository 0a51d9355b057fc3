package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
)

// wanted is a query as it is written on the command line.
type wanted struct {
	since, until string
	query        audit.Query
}

func (w *wanted) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.since, "since", "", "from then on: RFC 3339, or a `TIME` ago such as 2h")
	cmd.Flags().StringVar(&w.until, "until", "", "before then: RFC 3339, or a `TIME` ago")
	cmd.Flags().StringVar(&w.query.Tenant, "tenant-id", "", "of the resource or the account: directory `ID` or domain")
	cmd.Flags().StringVar(&w.query.User, "user", "", "a part of the `NAME`, known or claimed")
	cmd.Flags().StringVar(&w.query.Verdict, "verdict", "", "block, forward, tunnel, intercept, or observed")
	cmd.Flags().StringVar(&w.query.Reason, "reason", "", "one of docs/reasons.md")
	cmd.Flags().StringVar(&w.query.Kind, "kind", "", "tenant or access")
}

func (w *wanted) read(now time.Time) (audit.Query, error) {
	q := w.query
	var err1, err2 error
	q.Since, err1 = moment("--since", w.since, now)
	q.Until, err2 = moment("--until", w.until, now)
	if !slices.Contains([]string{"", "block", "forward", "tunnel", "intercept", "observed"}, q.Verdict) {
		err1 = errors.Join(err1, usage{fmt.Errorf("--verdict: %q is none", q.Verdict)})
	}
	if !slices.Contains([]string{"", "tenant", "access"}, q.Kind) {
		err1 = errors.Join(err1, usage{fmt.Errorf("--kind: %q is neither tenant nor access", q.Kind)})
	}
	return q, errors.Join(err1, err2)
}

// moment reads a time, or how long ago it was.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage{fmt.Errorf("%s: %q is no time, write 2h or 2026-11-21T19:00:00Z", flag, text)}
}
