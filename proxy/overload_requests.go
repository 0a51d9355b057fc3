package proxy

import (
	"context"
	"net/http"
)

// affords tells whether the client of x may have one more request under way,
// and waits while it does not read what it asked for before. Whoever has too
// many is not told: it may not read that either.
func (x *exchange) affords() bool {
	s, by := x.server, payer(x.client.from.Addr())
	if !s.budgets.requests.takeFor(by) {
		s.shed(ofRequests, x.client.from)
		panic(http.ErrAbortHandler)
	}
	if x.in.ProtoMajor == 2 { // until its stream ends, which a handler's return does not
		context.AfterFunc(x.in.Context(), func() { s.budgets.requests.give(by) })
	}
	if s.budgets.unread.admit(x.in.Context(), by) {
		return true
	}
	s.shed(ofUnread, x.client.from)
	x.gives()
	return false
}

// gives returns what affords took.
func (x *exchange) gives() {
	if x.in.ProtoMajor == 1 {
		x.server.budgets.requests.give(payer(x.client.from.Addr()))
	}
}
