package demo

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"
)

// A Stage is what the walk needs of the proxy that stands in front of a Cloud.
type Stage struct {
	Proxy string         // http://127.0.0.1:8080
	Roots *x509.CertPool // the proxy's CA and the cloud's root: what a company device trusts
	Cloud *Cloud

	// Events returns the event log so far: JSON lines, a half one at the end
	// is ignored.
	Events func() ([]byte, error)

	Outbound string        // policy.default.outbound; empty is allow
	Patience time.Duration // how long an event may take; if zero, 10 seconds
	Colour   bool          // for a terminal; else plain ASCII
}

// scenario is one step of the walk.
type scenario struct {
	title string
	run   func(ctx context.Context, w *walk, s *step) error
}

// scenarios are the walk, in order.
var scenarios = []scenario{
	{"A home sign-in passes, tagged", homeSignIn},
	{"A foreign sign-in is refused by the cloud, because the tag arrived", foreignSignIn},
	{"A forged tag is replaced, and the forger refused", forgedTag},
	{"A home token passes on Graph", homeToken},
	{"A foreign token is refused before it leaves", foreignToken},
	{"A guest of ours abroad follows policy.default.outbound", guestAbroad},
	{"A personal account's token is refused", consumerToken},
	{"A site nobody restricts is tunnelled, with its own certificate", unlistedSite},
}

// walk is one run of the scenarios.
type walk struct {
	Stage
	proxy *url.URL
	out   *printer
	token string // the access token of the home sign-in
}

// Walk sends each scenario's requests with a real HTTP client through the
// proxy, writes what was sent, what came back, what the cloud saw and which
// event was left, and returns an error that names every scenario that ended
// otherwise than it should.
func Walk(ctx context.Context, out io.Writer, s Stage) error {
	proxy, err := url.Parse(s.Proxy)
	if err != nil || proxy.Host == "" {
		return fmt.Errorf("the proxy's address %q is no URL", s.Proxy)
	}
	if !s.Cloud.keep.Swap(true) {
		defer s.Cloud.dropBytes()
	}
	if s.Patience == 0 {
		s.Patience = 10 * time.Second // events of traffic that passed are written in batches
	}
	w := &walk{Stage: s, proxy: proxy, out: &printer{w: out, colour: s.Colour}}
	w.out.heading(fmt.Sprintf("%d scenarios through the proxy at %s", len(scenarios), s.Proxy))
	var problems []error
	for i, sc := range scenarios {
		step := &step{number: i + 1, title: sc.title}
		if err := sc.run(ctx, w, step); err != nil {
			step.expect(false, "%v", err)
		}
		w.out.step(step)
		if err := step.err(); err != nil {
			problems = append(problems, err)
		}
		if ctx.Err() != nil {
			return errors.Join(append(problems, ctx.Err())...)
		}
	}
	w.out.summary(len(scenarios)-len(problems), len(scenarios))
	return errors.Join(append(problems, w.out.err)...)
}
