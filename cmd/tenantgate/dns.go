package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/resolver"
	"github.com/tenantgate/tenantgate/setting"
)

// steering is the resolver and the datagrams it reads; its TCP listener is
// among the daemon's.
type steering struct {
	server  *resolver.Server
	packets []*net.UDPConn
}

// steer makes the resolver's rules; nil where there is none.
func steer(f config.File, restricted hosts.Set, in surroundings) (*resolver.Rules, error) {
	if f.Listen.DNS == "" {
		return nil, setting.In("dns", f.DNS.Check())
	}
	trust, _ := believe(f, in) // what is wrong with it is told with upstream
	names := resolver.Names{Restricted: restricted}
	if f.Policy.EncryptedDNS == "block" && f.Mode != config.Observe {
		names.Withheld = policy.EncryptedDNS()
	}
	rules, err := resolver.NewRules(f.DNS, names, resolver.Addresses{DNS: f.Listen.DNS, Steered: f.Listen.Steered}, trust)
	return rules, errors.Join(relied(setting.In("dns", err)), asksItself(f))
}

// relied puts what is missing in the dns section, and so has no place, where
// the file relies on it.
func relied(err error) error {
	all := setting.List(err)
	for i, e := range all {
		found, ok := errors.AsType[*setting.Error](e)
		if ok && (found.Path == "dns.answers" || found.Path == "dns.upstreams" || found.Path == "dns.bootstrap") {
			all[i] = &setting.Error{Path: "listen.dns", What: found.What, Hint: found.Hint}
		}
	}
	return errors.Join(all...)
}

// asksItself reports a proxy that would ask its own steering resolver for
// origins, which is told the proxy's own address.
func asksItself(f config.File) error {
	const path, hint = "upstream.resolver", "name a DNS server that does not steer, ip:port"
	if f.Upstream.Resolver != "" {
		if a, err := netip.ParseAddrPort(f.Upstream.Resolver); err == nil && resolver.Reaches(a, f.Listen.DNS) {
			return setting.Errorf(path, hint, "%s is the steering resolver itself", a)
		}
		return nil
	}
	for _, a := range resolver.System() {
		if resolver.Reaches(a, f.Listen.DNS) {
			return setting.Errorf(path, hint, "is empty, and the system's resolver %s is the steering resolver itself", a)
		}
	}
	return nil
}

// openDNS makes the resolver that listens beside l, over UDP, on the sockets
// that were passed to us or on its own; none if l is nil. What it counts is
// there either way. A second tenantgate is kept out by l.
func (d *daemon) openDNS(l net.Listener, given []*net.UDPConn) error {
	metrics := resolver.NewMetrics(d.metrics)
	if l == nil {
		return nil
	}
	d.dns = &steering{server: resolver.NewServer(d.now.Load().dns, metrics)}
	d.dns.server.Asked = d.asked
	if d.dns.packets = given; given != nil {
		return nil
	}
	for range min(runtime.GOMAXPROCS(0), maxSockets) {
		pc, err := sockets(share).ListenPacket(context.Background(), "udp", l.Addr().String())
		if err != nil {
			return broke{err, "is another resolver using UDP " + l.Addr().String() + "?"}
		}
		d.dns.packets = append(d.dns.packets, pc.(*net.UDPConn))
	}
	return nil
}

// maxSockets bounds the sockets that the kernel shares datagrams out to. One
// answers some 200,000 questions a second.
const maxSockets = 4

// asked leaves the event of a question to the resolver. It may be shed.
func (d *daemon) asked(q resolver.Question) {
	e := &audit.Event{
		Kind: audit.Access, Category: []string{"network"}, Type: []string{"protocol", "allowed"},
		Action: "name-asked", Reason: string(reasonOf[q.Result]), Source: q.From, Host: q.Name, Duration: q.Took,
		Mode: string(d.now.Load().file.Mode), DNS: audit.DNS{Type: q.Type, Code: q.Code, Transport: q.Transport},
	}
	if q.Refused {
		e.Type, e.Denied = []string{"protocol", "denied"}, true
	}
	_ = d.events.Record(e) // only a log that is closed keeps no access event
}

// reasonOf is why a question got its answer.
var reasonOf = map[string]policy.Reason{
	"steered": policy.NameSteered, "withheld": policy.NameWithheld,
	"cached": policy.NameForwarded, "forwarded": policy.NameForwarded, "stale": policy.NameForwarded, "failed": policy.NameUnanswered,
	"refused": policy.QuestionRefused, "limited": policy.QuestionRefused, "malformed": policy.QuestionRefused,
}

// serveDNS answers over UDP and TCP until closeDNS.
func (d *daemon) serveDNS(l net.Listener) error {
	var all errgroup.Group
	serve := func(one func() error) {
		all.Go(func() error { return errors.Join(one(), d.dns.server.Close()) }) // none without the others
	}
	for _, pc := range d.dns.packets {
		serve(func() error { return d.dns.server.ServeUDP(pc) })
	}
	serve(func() error { return d.dns.server.ServeTCP(l) })
	return all.Wait()
}

// closeDNS ends the resolver, if there is one.
func (d *daemon) closeDNS() error {
	if d.dns == nil {
		return nil
	}
	err := d.dns.server.Close()
	for _, pc := range d.dns.packets {
		pc.Close()
	}
	return err
}
