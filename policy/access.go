package policy

import (
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// Access is a setting of a relation as Entra has it: for whom, and for which
// applications. Both must allow. In short it is one Setting for everybody and
// everything.
type Access struct {
	Setting      Setting `yaml:"-"` // the short form; empty in the long one
	Users        Targets `yaml:"users"`
	Applications Targets `yaml:"applications"`
}

// Targets are whom, or what, one side of an Access is about: all of them, a
// list of those allowed, or a list of those blocked.
type Targets struct {
	Setting Setting  `yaml:"-"` // the short form: all of them
	Allow   []string `yaml:"allow"`
	Block   []string `yaml:"block"`
}

// All returns the Access that says s of everybody and everything.
func All(s Setting) Access { return Access{Setting: s} }

// Said tells whether the setting is there at all.
func (a Access) Said() bool { return a.Setting != "" || a.long() }

func (a Access) long() bool { return a.Users.said() || a.Applications.said() }

func (t Targets) said() bool { return t.Setting != "" || t.Allow != nil || t.Block != nil }

// Names of applications that stand for several (Microsoft,
// crossTenantAccessPolicyTarget).
const (
	Office365        = "Office365"
	AllMicrosoftApps = "AllMicrosoftApps"
)

// compile checks a and returns what decides by it. at is the path of the
// setting from the policy section.
func (a Access) compile(bad *[]error, at string) access {
	c := access{at: "policy." + at}
	c.usersAt, c.appsAt = c.at+".users", c.at+".applications"
	if !a.long() {
		checkSetting(bad, at, a.Setting)
		c.users, c.apps = list{says: a.Setting}, list{says: a.Setting}
		c.usersAt, c.appsAt = c.at, c.at
		return c
	}
	c.users = a.Users.compile(bad, at+".users")
	c.apps = a.Applications.compile(bad, at+".applications")
	for i, id := range c.users.ids {
		if _, ok := tokens.ParseTenant(id); !ok {
			*bad = append(*bad, setting.Errorf(entry(at+".users", a.Users, i), "write the user's Object ID, or allow or block in place of the section",
				"%q is not an object ID", id))
		}
	}
	c.apps.checkApplications(bad, at+".applications", a.Applications)
	return c
}

// compile returns the list that t is. A side that is left out allows all:
// the other one decides.
func (t Targets) compile(bad *[]error, at string) list {
	switch {
	case !t.said():
		return list{says: Allow}
	case t.Setting != "":
		checkSetting(bad, at, t.Setting)
		return list{says: t.Setting}
	case t.Allow != nil && t.Block != nil:
		*bad = append(*bad, setting.Errorf(at, "what is not in the one is in the other", "has both allow and block"))
	case len(t.Allow)+len(t.Block) == 0:
		*bad = append(*bad, setting.Errorf(at, "write allow or block in place of the section", "names nobody"))
	}
	if t.Allow != nil {
		return newList(Allow, t.Allow)
	}
	return newList(Deny, t.Block)
}

// entry is the path of the i-th of the IDs in t.
func entry(at string, t Targets, i int) string {
	if t.Allow != nil {
		return fmt.Sprintf("%s.allow[%d]", at, i)
	}
	return fmt.Sprintf("%s.block[%d]", at, i)
}

// checkApplications refuses what is no application. A block list cannot name
// all of Microsoft's: what is missing from the table here would pass.
func (l *list) checkApplications(bad *[]error, at string, t Targets) {
	for i, id := range slices.Concat(t.Allow, t.Block) {
		_, ok := tokens.ParseTenant(id)
		switch {
		case ok, id == Office365, id == AllMicrosoftApps && l.says == Allow:
		case id == AllMicrosoftApps:
			*bad = append(*bad, setting.Errorf(entry(at, t, i), "write block, and allow the others by ID", "nobody knows all of Microsoft's applications"))
		default:
			*bad = append(*bad, setting.Errorf(entry(at, t, i), "find it in Entra > App registrations > Application (client) ID",
				"%q is not an application ID", id))
		}
	}
}

// access decides one relation with one organization. Its paths are made once.
type access struct {
	at, usersAt, appsAt string
	users, apps         list
}

// decide tells what is said of t's account, which is object in the tenant
// whose administrator names it, and the setting that says so.
func (a *access) decide(t *tokens.Token, object string) (Setting, string) {
	if a.users.user(object) != Allow {
		return Deny, a.usersAt
	}
	if a.apps.app(t) != Allow {
		return Deny, a.appsAt
	}
	return Allow, a.at
}

// list is one side of an access as it decides. The zero list refuses.
type list struct {
	says              Setting // of those that match; the opposite is said of the others
	named             bool    // false: all of them match
	ids               []string
	office, microsoft bool // names of several applications that are in the list
}

func newList(says Setting, names []string) list {
	l := list{says: says, named: true}
	for _, name := range names {
		switch name {
		case Office365:
			l.office = true
		case AllMicrosoftApps:
			l.microsoft = true
		default:
			if id, ok := tokens.ParseTenant(name); ok {
				name = string(id)
			}
			l.ids = append(l.ids, name)
		}
	}
	return l
}

// user tells what is said of the user that object is. One that the token does
// not show is refused by either kind of list.
func (l *list) user(object string) Setting {
	switch {
	case !l.named:
		return l.says
	case object == "":
		return Deny
	case l.has(object) == (l.says == Allow):
		return Allow
	default:
		return Deny
	}
}

// app tells what is said of the application that t is for: its client or its
// resource, as Entra matches either. Against a list of those blocked, one that
// nobody can tell the ID of is refused.
func (l *list) app(t *tokens.Token) Setting {
	if !l.named {
		return l.says
	}
	client, resource := applicationID(t.App), applicationID(t.Audience)
	match := l.application(client) || l.application(resource)
	if l.says == Allow {
		if match {
			return Allow
		}
		return Deny
	}
	hidden := client == "" && t.App != "" || resource == "" && t.Audience != "" || client == "" && resource == ""
	if match || hidden {
		return Deny
	}
	return Allow
}

func (l *list) application(id string) bool {
	return l.has(id) || l.office && inOffice(id) || l.microsoft && ofMicrosoft(id)
}

func (l *list) has(id string) bool {
	return among(l.ids, id)
}
