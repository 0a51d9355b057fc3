package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// bombs sends forms to a sign-in host and a data host that are 1000 times as
// large as they come, once and twice over, with a foreign token at their end.
func bombs(ctx context.Context, a *attacker) {
	form := append(bytes.Repeat([]byte("a=b&"), 16<<20), "access_token="+a.sly...)
	once := packed(form)
	twice := packed(once)
	a.posts(ctx, 100, 16, func(i int) (host, coding string, body []byte) {
		host = []string{farSignIn, farData}[i%2]
		if i/2%2 == 0 {
			return host, "gzip", once
		}
		return host, "gzip, gzip", twice
	})
}

func packed(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(plain) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// bigForms sends 8 MB at a time that have to be looked into.
func bigForms(ctx context.Context, a *attacker) {
	body := []byte("a=" + strings.Repeat("b", 8<<20-2000) + "&access_token=" + a.sly)
	a.posts(ctx, 100, 100, func(i int) (host, coding string, _ []byte) {
		return []string{farSignIn, farData}[i%2], "", body
	})
}

// posts sends forms at a pace.
func (a *attacker) posts(ctx context.Context, perSecond, atOnce int, one func(i int) (host, coding string, body []byte)) {
	clients := []*http.Client{a.way.client(a.from(0), false, true), a.way.client(a.from(1), true, true)}
	paced(ctx, perSecond, atOnce, func(ctx context.Context, i int) {
		host, coding, body := one(i)
		r, err := request(ctx, http.MethodPost, host, "/echo", a.home, bytes.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if coding != "" {
			r.Header.Set("Content-Encoding", coding)
		}
		if _, _, err := ask(clients[i/4%2], r); err != nil {
			pause(ctx, 100*time.Millisecond)
		}
	})
}

// newTokens sends foreign tokens of which no two are the same: each is read
// anew, and each refusal is on disk before it is answered.
func newTokens(ctx context.Context, a *attacker) {
	var n atomic.Int64
	clients := []*http.Client{a.way.client(a.from(0), true, true), a.way.client(a.from(1), true, true)}
	each(ctx, 32, func(ctx context.Context, i int) {
		r, err := request(ctx, http.MethodGet, farData, "/1", tokenOf(foreignTenant, marker, n.Add(1)), nil)
		if err != nil {
			return
		}
		if _, _, err := ask(clients[i%2], r); err != nil {
			pause(ctx, 100*time.Millisecond)
		}
	})
}
