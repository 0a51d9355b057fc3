package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestEveryTCPListenerWantsTheBalancersHeader(t *testing.T) {
	r := start(t, "")
	_ = r.stop()
	f := r.now.Load().file
	f.State, f.Listen.ProxyProtocol = t.TempDir(), []string{"127.0.0.0/8"}
	f.Listen.Steered, f.Listen.DNS = "127.0.0.1:0", "127.0.0.1:0"
	f.DNS.Upstreams, f.DNS.Answers = []string{upstreamZone(t)}, []string{"10.0.0.7"}
	d, err := open(f, nil, demoSurroundings(r.cloud), r.daemon.log)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.serve(t.Context()) }()
	const header, question = "PROXY TCP4 192.168.3.4 10.0.0.7 1234 53\r\n", "\x00\x13\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
	for name, first := range map[string]string{"proxy": "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "steered": "x", "dns": question, "admin": "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"} {
		for _, header := range []string{header, ""} {
			c, err := net.Dial("tcp", d.addr(name))
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(c, header+first)
			_, err = bufio.NewReader(c).ReadByte()
			if answered := err == nil; answered != (header != "" && name != "steered") {
				t.Errorf("%s with header %q: %v", name, header, err)
			}
			c.Close()
		}
	}
	c, err := net.Dial("tcp", d.addr("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, header+"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v %v", resp, err)
	}
}
