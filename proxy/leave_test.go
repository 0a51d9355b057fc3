package proxy_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"
)

func TestAnswersTellClientsToGoOnElsewhereOnceTheProxyLeaves(t *testing.T) {
	each(t, func(t *testing.T, proto string) { testLeaving(t, proto, "/", http.StatusUnauthorized) })
}

func TestAHintBeforeAnAnswerDoesNotKeepTheClient(t *testing.T) {
	each(t, func(t *testing.T, proto string) { testLeaving(t, proto, "/103", http.StatusOK) })
}

// testLeaving asks for path until the client uses a new connection.
func testLeaving(t *testing.T, proto, path string, status int) {
	r := newRig(t)
	c := r.client(proto)
	ask := func() (reused bool) {
		t.Helper()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		resp := must(c.Do(must(http.NewRequestWithContext(ctx, "GET", "https://"+restricted+path, nil))(t)))(t)
		body(t, resp)
		if resp.StatusCode != status {
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
}

func TestAHandshakeThatEndsWhileDrainingIsServed(t *testing.T) {
	for _, proto := range []string{"http/1.1", "h2"} {
		t.Run(proto, func(t *testing.T) {
			r := newRig(t)
			idle, slow := r.tls(restricted), r.tunnel(restricted+":443")
			send(t, idle, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
			_, _ = io.Copy(io.Discard, answer(t, idle, "GET").Body)
			ended := r.draining(patience)
			_, _ = io.Copy(io.Discard, idle) // the inner server closes what is idle after it has stopped taking connections
			p := new(http.Protocols)
			p.SetHTTP1(proto == "http/1.1")
			p.SetHTTP2(proto == "h2")
			tr := &http.Transport{Protocols: p, DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
				return r.shake(slow, &tls.Config{ServerName: restricted, NextProtos: []string{proto}}), nil
			}}
			defer tr.CloseIdleConnections()
			resp := must((&http.Client{Transport: tr, Timeout: patience}).Get("https://" + restricted + "/"))(t)
			body(t, resp)
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("status %d", resp.StatusCode)
			}
			if err := <-ended; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}
