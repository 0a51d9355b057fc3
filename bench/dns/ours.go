package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/resolver"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// startOurs runs this program once more, as the resolver.
func startOurs(ctx context.Context, o options) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve")
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(in, "%s %d %s\n", o.zone, o.threads, o.profile); err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, err
	}
	return &child{cmd: cmd, addr: strings.TrimSpace(addr), end: func() { in.Close() }}, nil
}

// serve is the resolver with the product's own list of hosts, metrics and rate
// limit, until its input ends.
func serve() {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	var o options
	_, _ = fmt.Sscan(line, &o.zone, &o.threads, &o.profile) // the last may be empty
	runtime.GOMAXPROCS(o.threads)
	debug.SetGCPercent(400) // as "tenantgate run" does
	if f, err := os.Create(o.profile); err == nil && pprof.StartCPUProfile(f) == nil {
		defer f.Close()
		defer pprof.StopCPUProfile()
	}
	s, conns, err := ours(o)
	if err != nil {
		log.Fatal(err)
	}
	for _, conn := range conns {
		go func() {
			if err := s.ServeUDP(conn); err != nil {
				log.Fatal(err)
			}
		}()
	}
	fmt.Println(conns[0].LocalAddr())
	_, _ = io.Copy(io.Discard, in)
}

// The tenant of the run.
const (
	homeTenant = "11111111-1111-1111-1111-111111111111"
	homePolicy = "22222222-2222-2222-2222-222222222222"
)

func ours(o options) (*resolver.Server, []*net.UDPConn, error) {
	tags, err1 := tagging.New(tagging.Config{Version: "v2"}, homeTenant, homePolicy)
	finder, err2 := tokens.New(tokens.Config{}, make([]byte, 32))
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	cfg := resolver.Default()
	cfg.Rate = 100_000_000 // counted for every question, and never reached
	cfg.Answers, cfg.Upstreams = []string{"10.0.0.7"}, []string{o.zone}
	rules, err := resolver.NewRules(cfg, resolver.Names{Restricted: proxy.Restricted(tags, finder)}, resolver.Addresses{}, nil)
	if err != nil {
		return nil, nil, err
	}
	conns, err := sockets(o.threads)
	return resolver.NewServer(rules, resolver.NewMetrics(prometheus.NewRegistry())), conns, err
}

// sockets are as many with one address as there are threads, as "tenantgate run"
// and unbound have it.
func sockets(n int) ([]*net.UDPConn, error) {
	sharing := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(err, failed)
	}}
	var all []*net.UDPConn
	addr := "127.0.0.1:0"
	for range n {
		pc, err := sharing.ListenPacket(context.Background(), "udp", addr)
		if err != nil {
			return nil, err
		}
		addr = pc.LocalAddr().String()
		all = append(all, pc.(*net.UDPConn))
	}
	return all, nil
}
