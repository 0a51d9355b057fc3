package demo

import (
	"crypto/rand"
	"strings"
	"sync"
)

// grant is what a code, a refresh token or a device code stands for.
type grant struct {
	user, tenant, app, audience, nonce string
	v1                                 bool
	pending                            bool   // a device code nobody has entered yet
	userCode                           string // of a device code
	proof                              string // challenge of PKCE (RFC 7636, S256); empty: none
}

// issued are the grants that are still good. The zero issued is empty.
type issued struct {
	mu     sync.Mutex
	grants map[string]*grant
}

// add returns a new handle for g, opaque as Entra's own are.
func (i *issued) add(prefix string, g grant) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.grants == nil {
		i.grants = map[string]*grant{}
	}
	handle := prefix + freshID()
	i.grants[handle] = &g
	return handle
}

// find returns the grant of a handle, and whether there is one.
func (i *issued) find(handle string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g := i.grants[handle]
	if g == nil {
		return grant{}, false
	}
	return *g, true
}

// take is find for a handle that is good for once.
func (i *issued) take(handle string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g := i.grants[handle]
	if g == nil {
		return grant{}, false
	}
	delete(i.grants, handle)
	return *g, true
}

// approve signs a user in for the device that shows userCode.
func (i *issued) approve(userCode, user string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, g := range i.grants {
		if g.pending && strings.EqualFold(g.userCode, userCode) {
			g.pending, g.user = false, user
			return true
		}
	}
	return false
}

// waiting returns the device grant that shows userCode.
func (i *issued) waiting(userCode string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, g := range i.grants {
		if g.pending && strings.EqualFold(g.userCode, userCode) {
			return *g, true
		}
	}
	return grant{}, false
}

func freshID() string { return rand.Text() }
