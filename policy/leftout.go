package policy

// LeftOut is a partner whose entry is not in force, for nobody can tell at the
// moment which tenant its domain is of.
type LeftOut struct {
	Path   string   // of the domain, from the policy section
	Domain string   // as it is written
	Loose  []string // settings of the entry that may refuse what the defaults permit; the rest only permits less until it is told
}

// LeftOut returns the partners whose tenant nobody could tell.
func (p *Policy) LeftOut() []LeftOut { return p.leftOut }

// loose returns the names of the settings of own that may refuse something
// that applies to everybody else permits. Of two lists it is not asked whether
// the one holds the other.
func (p *Policy) loose(own *ruleset) (names []string) {
	for _, s := range []struct {
		name     string
		own, all *access
	}{
		{"tenant_restrictions", &own.restrictions, &p.defaults.restrictions},
		{"outbound", &own.outbound, &p.defaults.outbound},
		{"inbound", &own.inbound, &p.defaults.inbound},
	} {
		inherited := s.own.appsAt == s.all.appsAt
		if !inherited && !s.own.permitsAll() && !s.all.refusesAll() {
			names = append(names, s.name)
		}
	}
	for _, s := range []struct {
		name     string
		own, all Setting
	}{
		{"anonymous", own.anonymous.says, p.defaults.anonymous.says},
		{"sessions", own.sessions.says, p.defaults.sessions.says},
		{"keys", own.keys.says, p.defaults.keys.says},
	} {
		if s.own != Allow && s.all == Allow {
			names = append(names, s.name)
		}
	}
	if own.links == LinkBlock && !p.refusesLinks() {
		names = append(names, "links")
	}
	return names
}

func (a *access) permitsAll() bool { return a.users.is(Allow) && a.apps.is(Allow) }
func (a *access) refusesAll() bool { return a.users.is(Deny) || a.apps.is(Deny) }

// is tells whether s is said of all.
func (l *list) is(s Setting) bool { return !l.named && l.says == s }

// refusesLinks tells whether every kind of link is refused to everybody.
func (p *Policy) refusesLinks() bool {
	for _, kind := range p.links {
		if kind.says != LinkBlock {
			return false
		}
	}
	return p.linkDefault == LinkBlock
}
