package proxytest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
)

// Net is the world that the proxy sees: the cloud's names, names that a test
// scripts, and connections that all lead to the cloud but remember where they
// were meant to go.
type Net struct {
	cloud *demo.Cloud

	mu      sync.Mutex
	script  map[string][][]netip.Addr
	dialled []netip.AddrPort
}

// Script makes names resolve to what is given: the first lookup gets the first
// answer, and so on; the last answer repeats.
func (n *Net) Script(names map[string][][]netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.script, n.dialled = names, nil
}

// Dialled returns where connections were made to since Script.
func (n *Net) Dialled() []netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dialled)
}

// LookupNetIP implements proxy.Resolver.
func (n *Net) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	answers, ok := n.script[name]
	if len(answers) > 1 {
		n.script[name] = answers[1:]
	}
	n.mu.Unlock()
	if ok {
		return answers[0], nil
	}
	return n.cloud.Resolve(ctx, host)
}

func (n *Net) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, to)
	n.mu.Unlock()
	return n.cloud.Connect(ctx, to)
}

// Bait stands for the admin listener: whoever reaches it through the proxy has
// got where no client may.
type Bait struct {
	listener net.Listener
	taken    atomic.Int64
}

func newBait(t testing.TB) *Bait {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := &Bait{listener: l}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.taken.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return b
}

// Port returns the port of the bait.
func (b *Bait) Port() int { return b.listener.Addr().(*net.TCPAddr).Port }

// Taken tells how often somebody connected to the bait.
func (b *Bait) Taken() int64 { return b.taken.Load() }
