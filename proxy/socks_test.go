package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/proxy"
)

func socks(way proxy.SOCKS) func(*setup) { return func(s *setup) { s.server.SOCKS = way } }

// byName is a SOCKS request for port 443 of a name.
func byName(name string) string {
	return "\x05\x01\x00\x03" + string(rune(len(name))) + name + "\x01\xbb"
}

// ask sends the methods and a request, and returns the reply.
func ask(t *testing.T, c net.Conn, methods, request string) byte {
	t.Helper()
	send(t, c, "\x05"+string(rune(len(methods)))+methods)
	var agreed [2]byte
	if _, err := io.ReadFull(c, agreed[:]); err != nil || agreed[1] != 0 {
		t.Fatalf("methods: %x, %v", agreed, err)
	}
	send(t, c, request)
	var reply [10]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		return 0xfe
	}
	return reply[1]
}

func TestSOCKSConnectionsAreJudgedAsCONNECTIs(t *testing.T) {
	r := newRig(t, socks(proxy.Anonymous))
	tests := []struct{ name, request, host, reason string }{
		{"a sign-in host by name", byName(signIn), signIn, "restricted-host"},
		{"in capitals with a dot", byName("LOGIN.MicrosoftOnline.com."), signIn, "restricted-host"},
		{"a sign-in host by address", "\x05\x01\x00\x01\x7f\x00\x00\x12\x01\xbb", signIn, "restricted-host"},
		{"an unlisted host by name", byName(unlisted), unlisted, "unlisted-host"},
		{"an unlisted host by address", "\x05\x01\x00\x01\x7f\x00\x00\x12\x01\xbb", unlisted, "unlisted-host"},
		{"an unlisted name, a sign-in hello", byName(unlisted), signIn, "restricted-host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.cloud.Reset()
			r.events.forget()
			c := dialed(t, r.proxy)
			if reply := ask(t, c, "\x00", tt.request); reply != 0 {
				t.Fatalf("reply %d", reply)
			}
			tc := r.shake(c, &tls.Config{ServerName: tt.host})
			send(t, tc, "GET /status/200 HTTP/1.1\r\nHost: "+tt.host+"\r\nConnection: close\r\n\r\n")
			resp := must(http.ReadResponse(bufio.NewReader(tc), nil))(t)
			fronted := strings.Contains(tt.name, "hello")
			if want := map[bool]int{false: 200, true: 421}[fronted]; resp.StatusCode != want {
				t.Errorf("%s", resp.Status)
			}
			_, _ = io.Copy(io.Discard, tc)
			c.Close()
			e := r.events.wait(t, func(e audit.Event) bool { return strings.HasPrefix(e.Action, "connection-") })
			if e.Reason != tt.reason || e.Source.String() != c.LocalAddr().String() {
				t.Errorf("%+v", e)
			}
			for _, s := range r.cloud.Seen() {
				if tagged := s.Header.Get("Sec-Restrict-Tenant-Access-Policy") != ""; tagged != (tt.host == signIn) || fronted {
					t.Errorf("arrived %+v", s)
				}
			}
		})
	}
}

func TestSOCKSRequestsThatMustFail(t *testing.T) {
	r := newRig(t, socks(proxy.AnySOCKS))
	for line := range strings.Lines(string(must(os.ReadFile("testdata/socks.txt"))(t))) {
		part := strings.Split(strings.TrimSpace(line), " | ")
		if strings.HasPrefix(line, "#") {
			continue
		}
		t.Run(part[0], func(t *testing.T) {
			r.events.forget()
			c := dialed(t, r.proxy)
			got := ask(t, c, "\x00", must(strconv.Unquote(part[1]))(t))
			if want := map[bool]string{true: "-", false: fmt.Sprint(got)}[got == 0xfe]; want != part[2] {
				t.Errorf("reply %s, want %s", want, part[2])
			}
			r.events.wait(t, func(e audit.Event) bool {
				return e.Reason == part[3] && e.Denied && e.Source.String() == c.LocalAddr().String()
			})
			if rest, _ := io.ReadAll(c); len(rest) > 0 {
				t.Errorf("%d bytes behind the reply", len(rest))
			}
		})
	}
	if n := len(r.cloud.Seen()); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestSOCKSUsersAndPasswordsAreIgnoredWhereAllowed(t *testing.T) {
	const login = "\x01\x05alice\x07hunter2"
	for way, want := range map[proxy.SOCKS]string{proxy.AnySOCKS: "\x05\x02\x01\x00\x05\x00", proxy.Anonymous: "\x05\xff"} {
		r := newRig(t, socks(way))
		c := dialed(t, r.proxy)
		send(t, c, "\x05\x01\x02")
		got := make([]byte, len(want))
		if way == proxy.AnySOCKS {
			send(t, c, login+byName(unlisted))
		}
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Errorf("%s: %x, %v", way, got, err)
		}
		c.Close()
		if list := r.events.all(func(e audit.Event) bool { return strings.Contains(fmt.Sprintf("%+v", e), "hunter2") }); len(list) > 0 {
			t.Errorf("the password is in %+v", list)
		}
	}
}

func TestThePortStillSpeaksHTTPBesideSOCKS(t *testing.T) {
	r := newRig(t, socks(proxy.Anonymous))
	for _, proto := range []string{"h1", "h2"} {
		if resp := must(r.client(proto).Get("https://" + restricted + "/status/200"))(t); resp.StatusCode != 200 {
			t.Errorf("%s: %s", proto, resp.Status)
		}
	}
}

func TestWithoutSOCKSTheFirstByteIsNoRequest(t *testing.T) {
	r := newRig(t)
	c := dialed(t, r.proxy)
	send(t, c, "\x05\x01\x00"+byName(unlisted)+"\r\n\r\n")
	if resp := answer(t, c, http.MethodGet); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s", resp.Status)
	}
}

func TestASOCKSClientThatStopsHalfwayIsClosed(t *testing.T) {
	r := newRig(t, socks(proxy.AnySOCKS), func(s *setup) { s.server.HeaderTimeout = 30 * time.Millisecond })
	whole := "\x05\x01\x02\x01\x05alice\x07hunter2" + byName(unlisted)
	for n := range len(whole) {
		c := dialed(t, r.proxy)
		send(t, c, whole[:n])
		if got, _ := io.ReadAll(c); bytes.HasSuffix(got, []byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}) {
			t.Errorf("%d bytes were enough", n)
		}
	}
}

func TestShutdownDoesNotWaitForWhoHasSaidNothing(t *testing.T) {
	r := newRig(t, socks(proxy.Anonymous), func(s *setup) { s.server.HeaderTimeout = time.Hour })
	c := dialed(t, r.proxy)
	for _, other := range []string{"\x05\x01\x00", "OPTIONS"} { // these wait in the same queue
		send(t, dialed(t, r.proxy), other)
	}
	ask(t, dialed(t, r.proxy), "\x00", byName("127.0.0.1")) // by now c was accepted
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.server.Shutdown(ctx) }()
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	cancel()
	<-done
}
