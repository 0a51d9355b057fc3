package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// pace is the good client's: 200 requests a second whatever becomes of them,
// every tenth a sign-in, every tenth on a new connection.
const pace = 5 * time.Millisecond

// good is a client that does what people's devices do, from an address of its
// own, and a sly one that tries a foreign token ten times a second.
type good struct {
	stand             *stand
	h1, h2, once, sly *http.Client
}

func (s *stand) good() *good {
	return &good{stand: s,
		h1: s.way.client(goodFrom, false, true), h2: s.way.client(goodFrom, true, true),
		once: s.way.client(goodFrom, false, false), sly: s.way.client(slyFrom, false, true)}
}

// figures are what a window tells.
type figures struct {
	kept, fresh []time.Duration // on kept connections, on new ones
	failed      map[string]int
	passed      int // foreign tokens that were answered with anything but a refusal
	tried       int
	events      []string // that refusals of foreign tokens named
	lost        lost
}

// p99 is that of all requests, and of those on new connections alone.
func (f *figures) p99() (all, fresh time.Duration) {
	return quantile(slices.Concat(f.kept, f.fresh), 0.99), quantile(f.fresh, 0.99)
}

// wrong is what failed, the most frequent first.
func (f *figures) wrong() string {
	var list []string
	for _, what := range slices.SortedFunc(maps.Keys(f.failed), func(a, b string) int { return f.failed[b] - f.failed[a] }) {
		list = append(list, fmt.Sprintf("%d × %s", f.failed[what], what))
	}
	return strings.Join(list[:min(3, len(list))], "; ")
}

// measure sends for so long. A request's time starts when it was due, not when
// it was sent: one that waits behind another is late.
func (g *good) measure(ctx context.Context, window time.Duration) *figures {
	f := &figures{failed: map[string]int{}}
	var mu sync.Mutex
	var under sync.WaitGroup
	start, end := time.Now(), losing()
	for i := 0; time.Duration(i)*pace < window && ctx.Err() == nil; i++ {
		due := start.Add(time.Duration(i) * pace)
		time.Sleep(time.Until(due))
		under.Go(func() {
			fresh, err := g.one(ctx, i)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				f.failed[short(err)]++
			case fresh:
				f.fresh = append(f.fresh, took)
			default:
				f.kept = append(f.kept, took)
			}
		})
		if i%20 == 0 {
			under.Go(func() {
				let, event, err := g.cheat(ctx, i)
				mu.Lock()
				defer mu.Unlock()
				f.tried++
				if event != "" {
					f.events = append(f.events, event)
				}
				if let {
					f.passed++
					f.failed["a foreign token was answered: "+err.Error()]++
				}
			})
		}
	}
	under.Wait()
	f.lost = end()
	return f
}

// one sends the good client's request i.
func (g *good) one(ctx context.Context, i int) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, host, bearer := g.h1, data, g.stand.home
	switch {
	case i%10 == 9:
		c, fresh = g.once, true
	case i%2 == 0:
		c = g.h2
	}
	if i%10 == 4 || i%10 == 5 {
		host, bearer = signIn, ""
		if i%20 > 9 { // one in ten
			host, bearer = data, g.stand.home
		}
	}
	r, err := request(ctx, http.MethodGet, host, "/1024", bearer, nil)
	if err != nil {
		return fresh, err
	}
	return fresh, wanted(c, r, http.StatusOK)
}

// cheat replays a foreign token, on a kept connection or a new one. Being shed
// is as good as being refused.
func (g *good) cheat(ctx context.Context, i int) (let bool, event string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c := g.sly
	if i%40 == 0 {
		c = g.stand.way.client(slyFrom, true, false)
	}
	r, err := request(ctx, http.MethodGet, data, "/1024", g.stand.sly, nil)
	if err != nil {
		return false, "", err
	}
	a, err := answer(c, r)
	if a.status == 0 || a.status >= 400 && a.reason != "" {
		return false, a.event, err
	}
	return true, "", errors.Join(err, fmt.Errorf("%d %s", a.status, a.reason))
}

// short is an error without addresses, so that like ones can be counted.
func short(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i > 0 && !errors.Is(err, errRefused) {
		text = text[i+2:]
	}
	return text
}
