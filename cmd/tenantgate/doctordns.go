package main

import (
	"cmp"
	"context"
	"net"

	"github.com/miekg/dns"
)

// askAt returns what asks the resolver at addr for records of any type, which
// the system's own functions do not.
func askAt(addr string) func(ctx context.Context, name, kind string) (code string, answers int, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	addr = net.JoinHostPort(host, cmp.Or(port, "53"))
	return func(ctx context.Context, name, kind string) (string, int, error) {
		in, _, err := new(dns.Client).ExchangeContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind]), addr)
		if err != nil {
			return "", 0, err
		}
		return dns.RcodeToString[in.Rcode], len(in.Answer), nil
	}
}
