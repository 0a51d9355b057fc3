package tokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// What Find cannot look into. The tokens found before are returned beside.
var (
	ErrTooMany       = errors.New("too many credentials")
	ErrTooLarge      = errors.New("body too large to inspect")
	ErrUninspectable = errors.New("body cannot be inspected")
)

const (
	maxCredentials = 16
	maxAuxiliary   = 3 // Azure Resource Manager's own limit (authenticate-multi-tenant)
	maxNameless    = 4
	minDigestKey   = 16
)

// Finder finds credentials. It is safe for concurrent use.
type Finder struct {
	hosts     hosts.Set
	cache     *cache
	digestKey []byte
	attempts  attempts // sign-ins under way
}

// New returns a Finder whose digests are keyed with digestKey, of 16 octets or
// more. Every bad host pattern is named in the error.
func New(cfg Config, digestKey []byte) (*Finder, error) {
	var errs []error
	all := carriers.Union(ARM)
	for i, pattern := range cfg.Hosts {
		more, err := hosts.ParseSet(pattern)
		if err != nil {
			errs = append(errs, setting.Errorf(fmt.Sprintf("hosts[%d]", i),
				"write a host name, or *.suffix for every name beneath it", "%v", err))
		}
		all = all.Union(more)
	}
	if len(digestKey) < minDigestKey {
		errs = append(errs, fmt.Errorf("digest key: %d octets, want %d or more", len(digestKey), minDigestKey))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c, err := newCache(cacheSets)
	if err != nil {
		return nil, err
	}
	return &Finder{hosts: all, cache: c, digestKey: append([]byte(nil), digestKey...)}, nil
}

// Hosts returns the hosts that carry tokens.
func (f *Finder) Hosts() hosts.Set { return f.hosts }

// Find appends to found the credentials in a request for n, as Site.Find does.
func (f *Finder) Find(found []*Token, n hosts.Name, r *http.Request) ([]*Token, error) {
	return f.At(n).Find(found, r, nil)
}

// search is one run of Find.
type search struct {
	Site
	request   *http.Request
	header    *Headers // of request
	found     []*Token
	first     int // where this run's tokens begin in found
	auxiliary int
	nameless  int   // keys and sessions
	err       error // the first
	key       key
	own       Headers // where header is, if nobody else has it
}

// searches saves Find the allocation.
var searches = sync.Pool{New: func() any { return new(search) }}

// read judges one value that stands at a place, from memory if it was seen.
func (s *search) read(place Place, form form, raw string) {
	if raw == "" || errors.Is(s.err, ErrTooMany) {
		return
	}
	s.key.place, s.key.form = place, form
	s.finder.cache.sum(&s.key.sum, raw)
	list, ok := s.finder.cache.get(&s.key)
	if !ok {
		v := value{finder: s.finder, place: place}
		forms[form](&v, raw)
		list = v.tokens
		s.finder.cache.put(&s.key, list)
	}
	for _, t := range list {
		s.add(t)
	}
}

// add takes a token into the result once: a batch repeats its own. Keys and
// sessions have no account, so that more than a few say nothing new.
func (s *search) add(t *Token) {
	if t.service.has(s.host) {
		t = t.key
	}
	mine := s.found[s.first:]
	if slices.Contains(mine, t) {
		return
	}
	if t.Kind == Key || t.Kind == Session {
		if s.nameless++; s.nameless <= maxNameless && s.carries && len(mine) < maxCredentials {
			s.found = append(s.found, t)
		}
		return
	}
	if t.Place == InAuxiliary {
		s.auxiliary++
	}
	if len(mine) == maxCredentials || s.auxiliary > maxAuxiliary {
		s.fail(fmt.Errorf("%s: %w", t.Place, ErrTooMany))
		return
	}
	s.found = append(s.found, t)
}

// fail keeps the first error.
func (s *search) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// value is one carrier's value while it is read for the first time.
type value struct {
	finder *Finder
	place  Place
	tokens []*Token
}

func (v *value) full() bool { return len(v.tokens) > maxCredentials }

// add appends what a raw credential is.
func (v *value) add(place Place, raw string, t Token) {
	if v.full() {
		return
	}
	t.Place, t.Digest = place, v.finder.digest(raw)
	if t.service != 0 {
		t.key = t.asKey()
	}
	v.tokens = append(v.tokens, &t)
}

func (f *Finder) digest(raw string) string {
	mac := hmac.New(sha256.New, f.digestKey)
	mac.Write([]byte(raw))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Stats tells how often a credential was known already, and how often it had
// to be read.
func (f *Finder) Stats() (hits, misses uint64) { return f.cache.stats() }
