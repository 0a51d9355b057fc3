package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/tenantgate/tenantgate/hosts"
)

// errNowhere is what a host's name that leads nowhere is.
var errNowhere = errors.New("no address")

// connect connects as a program does that knows no proxy: to the first address
// that this machine's DNS has for a host.
func (s *Subject) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	list, err := s.Lookup(ctx, host)
	if err == nil && len(list) == 0 {
		err = errNowhere
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	dial := s.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, net.JoinHostPort(list[0].String(), port))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// lookSteered shakes hands with whoever n leads to.
func (s *Subject) lookSteered(ctx context.Context, n hosts.Name) seen {
	conn, err := s.connect(ctx, "tcp", net.JoinHostPort(string(n), "443"))
	if err != nil {
		return seen{err: err}
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return seen{err: err}
		}
	}
	return s.handshake(ctx, conn, n)
}

// steered asks whether every sign-in name leads away from the sign-in service.
// That it leads to the proxy is seen from its certificate, see intercepted.
func (s *Subject) steered(ctx context.Context) Finding {
	const hint = "the device has to use tenantgate's resolver and no other: by DHCP, and without encrypted DNS of its own"
	for _, n := range signIn {
		list, err := s.Lookup(ctx, string(n))
		if err != nil || len(list) == 0 {
			return fail(fmt.Sprintf("%s does not resolve: %v", n, err), hint)
		}
		for _, a := range list {
			if s.inRanges(a) {
				return fail(fmt.Sprintf("%s leads to %s, to the sign-in service itself", n, a), hint)
			}
		}
	}
	return pass("sign-in names lead away from the sign-in service")
}

// firefox does not exist where Firefox is to stay with the network's resolver
// (support.mozilla.org/kb/canary-domain-use-application-dnsnet).
const firefox = "use-application-dns.net"

// discovery asks whether the resolver that was named keeps clients from going
// round: by records that offer HTTP/3 or hide the name in the hello (RFC 9460),
// or to another resolver.
func (s *Subject) discovery(ctx context.Context) Finding {
	if s.Ask == nil {
		return skip("no resolver was named", "--resolver HOST")
	}
	for _, n := range signIn {
		for _, kind := range []string{"HTTPS", "SVCB"} {
			code, answers, err := s.Ask(ctx, string(n), kind)
			switch {
			case err != nil:
				return fail("the resolver does not answer: "+err.Error(), "is tenantgate's listen.dns reached from here, and this machine in dns.clients?")
			case answers > 0 || code != "NOERROR":
				return fail(fmt.Sprintf("for %s records of %s the resolver says %s, %d answers, and not that there are none", kind, n, code, answers), "is it tenantgate's resolver? browsers go by HTTP/3, or hide the name, where such records are")
			}
		}
	}
	code, answers, err := s.Ask(ctx, firefox, "A")
	switch {
	case err != nil:
		return fail("the resolver does not answer: "+err.Error(), "ask again")
	case code == "NOERROR" && answers > 0:
		return fail(firefox+" exists here: Firefox may ask another resolver", "is it tenantgate's resolver? Firefox's policies turn DNS over HTTPS off for good (tenantgate onboard)")
	}
	return pass("no record leads clients round, or to another resolver")
}
