package signals

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/policy"
)

type addr = netip.Addr

// A client is what is remembered of one address. A time of 0 is never.
type client struct {
	signIn  time.Duration // its last request that takes part in a sign-in
	overdue time.Duration // its first use of a token after a window without one; until it signs in
	stopped bool          // and that was told
	trusts  time.Duration // its last TLS handshake with a leaf of ours
	tagged  time.Duration // when its restriction headers were told
	slot    int64         // in which it was last active
	active  int64         // slots in which it was
	foreign []foreign
	refused []refusal
}

// What is remembered of one client, at most. The least recent makes room.
const (
	maxForeign = 8
	maxRefused = 8
)

// foreign is one tenant that is not ours, as one client knows it.
type foreign struct {
	tenant string
	issued time.Duration // a sign-in host's answer brought a token of it
	told   time.Duration
}

// attend counts the slots in which the client brought something restricted.
func (v *view) attend() {
	if slot := v.slot(); v.client.slot != slot {
		v.client.slot, v.client.active = slot, v.client.active+1
	}
}

// tags tells of restriction headers that the client sent itself: somebody who
// would rather be another tenant's, or another proxy before this one.
func (v *view) tags() {
	if len(v.e.ClientTags) > 0 && v.due(v.client.tagged) {
		v.client.tagged = v.now
		v.tell(policy.ClientSentTags)
	}
}

// request looks at whose tokens a request brings, or its answer.
func (v *view) request() {
	if v.e.Plane == string(policy.Auth) {
		if v.e.SignIn.Flow != "" {
			v.client.signIn, v.client.overdue, v.client.stopped = v.now, 0, false
		}
		if v.e.Verdict == policy.Forward.String() {
			v.issued()
		}
		return
	}
	bearer := false
	for i := range v.e.Credentials {
		c := &v.e.Credentials[i]
		if c.Kind != "jwt" || c.Tenant == "" {
			continue
		}
		bearer = true
		if c.Tenant != v.e.HomeTenant {
			v.used(c.Tenant)
		}
	}
	if bearer && v.e.Verdict == policy.Forward.String() {
		v.signedIn()
	}
}

// issued remembers the tenants of the tokens that a sign-in host's answer
// brought to the client. A visit to a sign-in page brings none.
func (v *view) issued() {
	for i := range v.e.Credentials {
		if c := &v.e.Credentials[i]; c.Place == "response" && c.Tenant != "" && c.Tenant != v.e.HomeTenant {
			v.client.tenant(c.Tenant).issued = v.now
		}
	}
}

// used tells of a token of another tenant that this client did not get here.
// It came from elsewhere, or the sign-in went another way.
func (v *view) used(tenant string) {
	f := v.client.tenant(tenant)
	if v.within(f.issued) || !v.due(f.told) {
		return
	}
	f.told = v.now
	s := v.tell(policy.TokenWithoutSignIn)
	s.ResourceTenant = tenant
}

// signedIn tells of a client that has signed in here before and goes on using
// tokens without: one that it holds has outlived the window by now. A slot of
// patience is for what is sent once, with an expired token, before the sign-in.
func (v *view) signedIn() {
	c := v.client
	switch {
	case c.signIn == 0 || v.within(c.signIn) || c.stopped:
	case c.overdue == 0:
		c.overdue = v.now
	case v.now-c.overdue > v.window/slots:
		c.stopped = true
		v.tell(policy.SignInsStopped).Duration = v.now - c.signIn
	}
}

// tenant returns what the client knows of a tenant.
func (c *client) tenant(id string) *foreign {
	i := slices.IndexFunc(c.foreign, func(f foreign) bool { return f.tenant == id })
	if i >= 0 {
		return &c.foreign[i]
	}
	if len(c.foreign) < maxForeign {
		c.foreign = append(c.foreign, foreign{tenant: strings.Clone(id)})
		return &c.foreign[len(c.foreign)-1]
	}
	least := &c.foreign[0]
	for i := range c.foreign {
		if f := &c.foreign[i]; max(f.issued, f.told) < max(least.issued, least.told) {
			least = f
		}
	}
	*least = foreign{tenant: strings.Clone(id)}
	return least
}
