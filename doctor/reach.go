package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

func (s *Subject) mode(context.Context) Finding {
	switch s.Mode {
	case "":
		return skip("cannot be told from here", "")
	case "observe":
		return warn("mode is observe: what would be refused is recorded and let through", "when the events are as expected: mode: enforce")
	}
	return pass("mode is " + s.Mode)
}

func (s *Subject) reach(ctx context.Context) Finding {
	if s.Proxy == "" {
		return skip("names are steered, and no proxy was named", "")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Proxy)
	if err != nil {
		return fail("the proxy is not reached: "+err.Error(), "is tenantgate running, and does a firewall let this machine through to "+s.Proxy+"?")
	}
	conn.Close()
	return pass("the proxy answers at " + s.Proxy)
}

// readiness is the answer of /readyz.
type readiness struct {
	Components []struct {
		Name, Detail string
		OK           bool
	}
}

func (s *Subject) readiness(ctx context.Context) (r readiness, err error) {
	body, _, err := fetch(ctx, "http://"+s.Admin+"/readyz", http.StatusOK, http.StatusServiceUnavailable)
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	return r, err
}

func (s *Subject) ready(ctx context.Context) Finding {
	if s.Admin == "" {
		return skip("there is no admin listener to ask", "")
	}
	r, err := s.readiness(ctx)
	if err != nil {
		return fail("the admin listener does not tell: "+err.Error(), "is tenantgate running with this configuration?")
	}
	var bad []string
	for _, c := range r.Components {
		if !c.OK {
			bad = append(bad, strings.TrimSpace(c.Name+" "+c.Detail))
		}
	}
	if len(bad) > 0 {
		return fail("not ready: "+strings.Join(bad, ", "), "see the log")
	}
	return pass(fmt.Sprintf("%d parts are ready", len(r.Components)))
}

func (s *Subject) sinks(ctx context.Context) Finding {
	if s.Admin == "" {
		return skip("there is no admin listener to ask", "")
	}
	r, err := s.readiness(ctx)
	if err != nil {
		return skip("the admin listener does not tell", "")
	}
	var bad []string
	n := 0
	for _, c := range r.Components {
		name, sink := strings.CutPrefix(c.Name, "sink.")
		if !sink {
			continue
		}
		if n++; c.Detail != "" {
			bad = append(bad, name+": "+c.Detail)
		}
	}
	switch {
	case n == 0:
		return skip("no sinks are configured", "")
	case len(bad) > 0:
		return warn(strings.Join(bad, "; "), "events wait in the spool; tenantgate sinks test NAME shows what the receiver says")
	}
	return pass(fmt.Sprintf("%d sinks take events", n))
}

// pac looks at the PAC file as clients would. A file that sends one sign-in
// past the proxy is as bad as none.
func (s *Subject) pac(ctx context.Context) Finding {
	if s.PAC == "" {
		return skip("no PAC file was named", "give --pac URL")
	}
	src, h, err := fetch(ctx, s.PAC, http.StatusOK)
	if err != nil {
		return fail("the PAC file is not to be had: "+err.Error(), "clients want exactly 200 from "+s.PAC+"; most go without a proxy otherwise")
	}
	if s.Route == nil {
		return pass("the PAC file is served")
	}
	for _, n := range signIn {
		r, err := s.Route(src, string(n))
		switch {
		case err != nil:
			return fail("the PAC file does not work: "+err.Error(), "tenantgate pac lint "+s.PAC)
		case len(r.Proxies) == 0:
			return fail("the PAC file sends "+string(n)+" past the proxy", "tenantgate pac lint "+s.PAC)
		case !slices.Contains(r.Proxies, s.Proxy) && !slices.ContainsFunc(s.Proxies, func(p string) bool { return slices.Contains(r.Proxies, p) }):
			return fail(fmt.Sprintf("the PAC file sends %s to %s, not here", n, strings.Join(r.Proxies, ", ")), "is this the PAC file of this installation? pac.proxies names where it leads")
		case r.FailsOpen:
			return warn("the PAC file lets sign-ins go DIRECT when no proxy answers", "pac.fail_open: false")
		}
	}
	for _, n := range devices {
		r, err := s.Route(src, string(n))
		if err == nil && len(r.Proxies) > 0 && s.Mode != "" && !s.ExemptToProxy {
			return warn("the PAC file sends "+string(n)+" to the proxy, and pac.exempt says direct", "tenantgate pac lint "+s.PAC)
		}
	}
	if t := h.Get("Content-Type"); !strings.HasPrefix(t, "application/x-ns-proxy-autoconfig") {
		return warn(fmt.Sprintf("the PAC file comes as %q", t), "some clients want application/x-ns-proxy-autoconfig")
	}
	return pass("the PAC file sends sign-ins here")
}

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// fetch asks without a proxy and takes one of the statuses.
func fetch(ctx context.Context, address string, statuses ...int) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	c, done := plain()
	defer done()
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if !slices.Contains(statuses, resp.StatusCode) {
		return nil, nil, fmt.Errorf("the answer is %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return body, resp.Header, err
}
