package proxy_test

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"
)

func TestAnswersTellClientsToGoOnElsewhereOnceTheProxyLeaves(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		c := r.client(proto)
		ask := func() (reused bool) {
			t.Helper()
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
			resp := must(c.Do(must(http.NewRequestWithContext(ctx, "GET", "https://"+restricted+"/", nil))(t)))(t)
			body(t, resp)
			if resp.StatusCode != http.StatusUnauthorized { // what the origin says to nobody
				t.Errorf("status %d", resp.StatusCode)
			}
			return reused
		}
		ask()
		if !ask() {
			t.Fatal("a connection is not used again, so this proves nothing")
		}
		now, cancel := context.WithCancel(t.Context())
		cancel()
		r.server.Leave(now)
		for end := time.Now().Add(patience); ask(); { // GOAWAY may come after the answer
			if time.Now().After(end) {
				t.Fatal("the client stays on its connection")
			}
		}
	})
}
