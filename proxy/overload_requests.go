package proxy

import (
	"context"
	"net/http"
)

// affords tells whether the client of x may have one more request under way,
// and waits while it does not read what it asked for before. Whoever has too
// many is not told: it may not read that either. Those of HTTP/1.1 are as many
// as their connections, which are a budget of their own.
func (x *exchange) affords() bool {
	s, by := x.server, payer(x.client.from.Addr())
	if x.in.ProtoMajor == 2 {
		if !s.budgets.requests.takeFor(by) {
			s.shed(ofRequests, x.client.from)
			panic(http.ErrAbortHandler)
		}
		// Until its stream ends, which a handler's return does not.
		context.AfterFunc(x.in.Context(), func() { s.budgets.requests.give(by) })
	}
	if s.budgets.unread.admit(x.in.Context(), by) {
		return true
	}
	s.shed(ofUnread, x.client.from)
	return false
}
