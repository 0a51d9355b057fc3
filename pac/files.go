package pac

import (
	"net/netip"
	"slices"

	"github.com/tenantgate/tenantgate/hosts"
)

// Hosts are what a configuration makes of hosts.
type Hosts struct {
	Restricted hosts.Set // what is to arrive at a proxy
	SignIn     hosts.Set // those of them that no bypass may name
	Exempt     hosts.Set // never decrypted
}

// Files are the PAC files of one configuration: everybody's, and each group's.
type Files struct {
	everybody Script
	byClient  bool
	groups    []group
}

type group struct {
	name    string
	clients []netip.Prefix
	proxies []string
	bypass  hosts.Set
}

// New makes the files that cfg describes. Its errors are *setting.Error, all of
// them at once.
func New(cfg Config, h Hosts) (*Files, error) {
	if err := cfg.check(h.SignIn); err != nil {
		return nil, err
	}
	bypass, err := hosts.ParseSet(cfg.Bypass...)
	if err != nil {
		return nil, err
	}
	f := &Files{byClient: cfg.Spread == ByClient, everybody: Script{
		Restricted: h.Restricted, Exempt: h.Exempt, Proxies: cfg.Proxies,
		Bypass: bypass, ExemptToProxy: cfg.Exempt == ToProxy, FailOpen: cfg.FailOpen,
	}}
	for _, g := range cfg.Groups {
		clients, err := prefixes("clients", g.Clients)
		if err != nil {
			return nil, err
		}
		more, err := hosts.ParseSet(g.Bypass...)
		if err != nil {
			return nil, err
		}
		f.groups = append(f.groups, group{g.Name, clients, g.Proxies, more})
	}
	return f, nil
}

// Script returns the file of whoever asks from client for the named group. A
// name that nobody has is no reason to have no file: without one, most clients
// go DIRECT. fallback is the proxy where no setting names one.
func (f *Files) Script(name string, client netip.Addr, fallback string) Script {
	s := f.everybody
	if g := f.group(name, client.Unmap()); g != nil {
		s.Bypass = s.Bypass.Union(g.bypass)
		if len(g.proxies) > 0 {
			s.Proxies = g.proxies
		}
	}
	if len(s.Proxies) == 0 {
		s.Proxies = []string{fallback}
	}
	if f.byClient && client.IsValid() {
		s.Client = client.Unmap().WithZone("").String()
	}
	return s
}

// Proxies returns every proxy that some file names.
func (f *Files) Proxies(fallback string) []string {
	all := slices.Clone(f.Script("", netip.Addr{}, fallback).Proxies)
	for _, g := range f.groups {
		all = append(all, g.proxies...)
	}
	return all
}

// Has tells whether there is a group of that name.
func (f *Files) Has(name string) bool {
	return slices.ContainsFunc(f.groups, func(g group) bool { return g.name == name })
}

func (f *Files) group(name string, client netip.Addr) *group {
	i := slices.IndexFunc(f.groups, func(g group) bool { return g.name == name })
	if i < 0 {
		i = slices.IndexFunc(f.groups, func(g group) bool {
			return slices.ContainsFunc(g.clients, func(p netip.Prefix) bool { return p.Contains(client) })
		})
	}
	if i < 0 {
		return nil
	}
	return &f.groups[i]
}
