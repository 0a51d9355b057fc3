package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
)

// admit decides what becomes of a connection, and does it. A connection whose
// record cannot be kept is refused.
func (s *Server) admit(c *client) {
	defer s.survive(c)
	defer s.hold(c.Conn)()
	ctx := s.base
	rules := s.rules.Load()
	if rules == nil {
		c.way.refuse(c.Conn, refusal{Reason: policy.NotRecorded})
		c.Close()
		return
	}
	v := s.decide(rules, c)
	var err error
	switch v.Action {
	case policy.Intercept:
		err = s.intercept(ctx, rules, c, v)
	case policy.Tunnel:
		err = s.tunnel(ctx, rules, c, v)
	default:
		err = s.refuse(c, rules, v)
	}
	if err != nil {
		s.log().Debug("connection ended", "host", c.dst.Host(), "action", v.Action.String(), "reason", v.Reason, "err", err)
	}
}

// decide asks the policy about a connection by what its target says.
func (s *Server) decide(rules *Rules, c *client) policy.Verdict {
	if !rules.portAllowed(c.dst.Port) {
		return policy.Verdict{Reason: policy.PortNotAllowed}
	}
	c.leaf = c.dst.Name
	return rules.Policy.DecideConn(policy.Conn{Name: c.dst.Name, Entra: entraAddress(c.dst.Addr), DNS: c.dst.Port == portDoT})
}

// tunnel connects an unlisted or exempt destination. In this order:
//
//  1. resolve and judge the addresses; Entra's own are not tunnelled
//  2. connect, so that a dead origin is a 502 or 504 and not a dead tunnel
//  3. record, where the verdict is evidence
//  4. accept, and read the client's TLS hello
//  5. a hello for a restricted host is intercepted; none, or one that cannot
//     be read or does not come in time, is closed
//  6. move bytes until both sides are done
func (s *Server) tunnel(ctx context.Context, rules *Rules, c *client, v policy.Verdict) error {
	origin, v, err := s.reach(ctx, rules, c, v)
	switch {
	case v.Action == policy.Intercept:
		return s.intercept(ctx, rules, c, v)
	case v.Blocked():
		return errors.Join(err, s.refuse(c, rules, v))
	}
	defer origin.Close()
	e := s.connEvent(c, rules, v)
	if v.Relevant() {
		if err := s.record(e); err != nil {
			return errors.Join(err, s.refuse(c, rules, policy.Verdict{Reason: policy.NotRecorded}))
		}
	}
	if err := c.way.accept(c.Conn); err != nil {
		c.Close()
		return err
	}
	after, err := s.hello(rules, c, v)
	switch {
	case errors.Is(err, errSilent):
		// What was not looked at is not relayed: the hello could come later.
		c.Close()
		return s.tunnelled(e, v, &tunnel{origin: origin}, closedIdle)
	case after.Action != policy.Tunnel:
		origin.Close()
		return s.reconsider(ctx, rules, c, after)
	case after != v:
		v, e = after, s.connEvent(c, rules, after)
		if err := s.record(e); err != nil {
			c.Close()
			return err
		}
	}
	return s.relay(c, origin, e, v)
}

// reach dials the origin of a tunnel. The verdict it returns is v, or a
// refusal, or to intercept after all.
func (s *Server) reach(ctx context.Context, rules *Rules, c *client, v policy.Verdict) (net.Conn, policy.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(rules.Origin.Timeout, dialTimeout))
	defer cancel()
	if v.Reason != policy.ExemptHost && entraAddress(c.meant.Addr()) {
		return nil, s.signInAddress(rules, c), nil
	}
	parent := rules.Origin.parentOf(c.dst)
	addrs, err := s.resolve(ctx, rules, c, parent)
	if err != nil {
		return nil, s.dialVerdict(v, err), err
	}
	if v.Reason != policy.ExemptHost && leadsToEntra(addrs) {
		return nil, s.signInAddress(rules, c), nil
	}
	var conn net.Conn
	if parent != nil {
		conn, err = parent.Dial(ctx, c.dst, rules.Origin.Own)
	} else {
		conn, err = rules.Origin.connect(ctx, addrs, c.dst.Port)
	}
	return conn, s.dialVerdict(v, err), err
}

// signInAddress is the verdict on an unlisted name that leads to Entra's
// sign-in service, or that a client goes there with.
func (s *Server) signInAddress(rules *Rules, c *client) policy.Verdict {
	v := rules.Policy.DecideConn(policy.Conn{Name: c.dst.Name, Entra: true, Signable: s.signable(c.dst.Name)})
	c.entra = v.Action == policy.Intercept
	return v
}

func leadsToEntra(addrs []netip.Addr) bool {
	for _, a := range addrs {
		if entraAddress(a) {
			return true
		}
	}
	return false
}

func (s *Server) signable(n hosts.Name) bool {
	if n == "" || s.Leaves == nil {
		return false
	}
	_, err := s.Leaves.Leaf(n)
	return err == nil
}

// hello reads what the client of a tunnel says first. The verdict is Tunnel,
// or what must happen instead; the error is errSilent or nil.
func (s *Server) hello(rules *Rules, c *client, v policy.Verdict) (policy.Verdict, error) {
	sni, err := peekHello(c, s.idleTimeout())
	switch {
	case errors.Is(err, errSilent):
		return policy.Verdict{}, err
	case errors.Is(err, io.EOF):
		return v, nil // nothing was said: nothing is relayed but the end
	case errors.Is(err, errNotTLS) && rules.Policy.NotTLS() == policy.Tunnel:
		return v, nil
	case errors.Is(err, errNotTLS):
		return policy.Verdict{Reason: policy.NotTLS}, nil
	case err != nil:
		return policy.Verdict{Reason: policy.MalformedHello}, nil
	case sni == "" && c.dst.Name == "":
		return policy.Verdict{Reason: policy.AddressLiteral}, nil
	case sni == "":
		return v, nil
	}
	name, err := hosts.Parse(sni)
	if err != nil {
		return policy.Verdict{Reason: policy.MalformedHello}, nil
	}
	return s.named(rules, c, v, name), nil
}

// named is what becomes of a tunnel whose hello names this host.
func (s *Server) named(rules *Rules, c *client, v policy.Verdict, name hosts.Name) policy.Verdict {
	if name == c.dst.Name {
		return v
	}
	named := rules.Policy.DecideConn(policy.Conn{Name: name})
	switch named.Action {
	case policy.Intercept:
		c.leaf = name
		if c.dst.Name == "" {
			c.dst = hosts.Authority{Name: name, Port: c.dst.Port} // an address literal goes by its TLS name
		} else {
			c.fronted = true
		}
		return named
	case policy.Tunnel:
		if named.Relevant() {
			return named // the name in the hello is what the record is about
		}
		return v
	default:
		return named
	}
}

// reconsider carries out what the client's hello changed. The client was told
// already that its connection is open, so a refusal can only close it.
func (s *Server) reconsider(ctx context.Context, rules *Rules, c *client, v policy.Verdict) error {
	c.way = silent{}
	if v.Action == policy.Intercept {
		return s.intercept(ctx, rules, c, v)
	}
	return s.refuse(c, rules, v)
}

// hold lets Shutdown close c when its time is up, until the returned function
// is called.
func (s *Server) hold(c net.Conn) (release func()) {
	s.open.add(c)
	return func() { s.open.remove(c) }
}

// silent answers nothing: the client counts as accepted, and a refusal closes.
type silent struct{}

func (silent) accept(net.Conn) error    { return nil }
func (silent) refuse(net.Conn, refusal) {}

// survive keeps a panic to the connection that caused it.
func (s *Server) survive(c *client) {
	if p := recover(); p != nil {
		c.Close()
		s.log().Error("connection panicked", "panic", p, "stack", slog.StringValue(string(debug.Stack())))
	}
}
