package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// kind tells the things apart that have a tenant.
type kind uint8

const (
	domainKind kind = iota
	hostKind
	subscriptionKind
)

// key is what is asked for.
type key struct {
	Kind kind
	Name string
}

// entry is what was answered. An empty Tenant is the answer that there is none.
type entry struct {
	Tenant string
	Source string
	At     time.Time // when it was answered
	retry  time.Time // not to be asked for again before
}

// limits of what is remembered: a client can name any number of hosts.
const (
	maxEntries = 20_000
	evictBatch = maxEntries / 20
)

// patience is after how long a source that said nothing counts as down,
// although whoever asked it left before askTimeout.
const patience = 2 * time.Second

// flight is a question under way; others who ask the same wait for it.
type flight struct {
	done chan struct{}
	err  error
	lost bool // the one who asked went away at once: nothing was learnt
}

// source asks for a name and returns its tenant, ErrUnknown when there is
// none, or another error when nothing was learnt.
type source func(ctx context.Context, name string) (string, error)

// ask answers from, in this order:
//
//  1. what was given
//  2. a fresh answer
//  3. the source; one question at a time for a key
//  4. a stale answer
func (d *Directory) ask(ctx context.Context, k key, from source) (Answer, error) {
	if tenant := d.givenFor(k); tenant != "" {
		return Answer{Tenant: tenant, Source: Given}, nil
	}
	for {
		if err := ctx.Err(); err != nil {
			return d.answer(k, d.remembered(k), err)
		}
		e, f, first := d.look(k)
		if f == nil {
			return d.answer(k, e, nil)
		}
		if first {
			d.fly(ctx, k, f, from)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return d.answer(k, d.remembered(k), ctx.Err())
		}
		if f.lost && !first && ctx.Err() == nil {
			continue
		}
		return d.answer(k, d.remembered(k), f.err)
	}
}

func (d *Directory) givenFor(k key) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	switch k.Kind {
	case hostKind:
		return d.givenHost(k.Name)
	case domainKind:
		return d.given[k.Name]
	default:
		return ""
	}
}

func (d *Directory) remembered(k key) entry {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.entries[k]
}

// look returns what is remembered of k if it need not be asked for now, else
// the question under way; first says that the caller has to ask it.
func (d *Directory) look(k key) (e entry, f *flight, first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.entries[k]; ok && d.now().Before(e.retry) {
		return e, nil, false
	}
	if f, ok := d.flights[k]; ok {
		return entry{}, f, false
	}
	f = &flight{done: make(chan struct{})}
	d.flights[k] = f
	return entry{}, f, true
}

// fly asks the source and remembers what it said.
func (d *Directory) fly(ctx context.Context, k key, f *flight, from source) {
	tenant, err, start := "", errLimited, d.now()
	defer func() {
		f.err, f.lost = err, ctx.Err() != nil && d.now().Sub(start) < patience
		d.learn(k, tenant, f)
		close(f.done)
		if tenant != "" {
			d.keep()
		}
	}()
	if !d.limit.take() {
		return
	}
	// A panic below leaves this error behind for those who wait.
	err = ErrUnavailable
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	tenant, err = from(asking, k.Name)
}

var errLimited = fmt.Errorf("%w: too many questions", ErrUnavailable)

// learn remembers the outcome of f. What is known stays known when nothing
// was learnt; only Entra's own word that a domain has no tenant removes it. A
// host that stopped naming its tenant keeps its last one: how challenges look
// is for the most part not documented.
func (d *Directory) learn(k key, tenant string, f *flight) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.flights, k)
	now := d.now()
	e := d.entries[k]
	switch {
	case f.lost && f.err != nil, errors.Is(f.err, errLimited):
		return
	case f.err == nil:
		e = entry{Tenant: tenant, Source: sourceOf(k), At: now, retry: now.Add(d.ttl)}
	case errors.Is(f.err, ErrUnknown) && (e.Tenant == "" || k.Kind == domainKind):
		e = entry{At: now, retry: now.Add(unknownTTL)}
	default:
		e.retry = now.Add(retryAfter)
	}
	d.makeRoom(k)
	d.entries[k] = e
}

func sourceOf(k key) string {
	if k.Kind == domainKind || k.Kind == hostKind && domainOf(hosts.Name(k.Name)) != "" {
		return OpenID
	}
	return FromResource
}

// makeRoom drops entries when there are too many: those without a tenant
// first, since it is names made up by clients that have none.
func (d *Directory) makeRoom(k key) {
	if _, ok := d.entries[k]; ok || len(d.entries) < maxEntries {
		return
	}
	dropped := 0
	for _, withTenant := range []bool{false, true} {
		for k, e := range d.entries {
			if dropped == evictBatch {
				return
			}
			if (e.Tenant != "") == withTenant {
				delete(d.entries, k)
				dropped++
			}
		}
	}
}

// answer turns what is remembered into what the caller is told; err is why
// the source was of no use, if it was asked.
func (d *Directory) answer(k key, e entry, err error) (Answer, error) {
	age := d.now().Sub(e.At)
	switch {
	case e.Tenant != "" && age < longestLife:
		return Answer{Tenant: e.Tenant, Source: e.Source, Age: max(age, 0), Stale: age >= d.ttl}, nil
	case err != nil:
		return Answer{}, fmt.Errorf("ask for %s: %w", k.Name, err)
	case e.Tenant == "" && !e.At.IsZero():
		return Answer{}, fmt.Errorf("ask for %s: %w", k.Name, ErrUnknown)
	}
	return Answer{}, fmt.Errorf("ask for %s: %w: asked a moment ago", k.Name, ErrUnavailable)
}
