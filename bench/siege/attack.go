package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// attack is one way to keep the proxy from serving others.
type attack struct {
	name string // and its number in the catalogue
	do   func(context.Context, *attacker)
}

var attacks = []attack{
	{"G01 slow heads, hellos and bodies on 9,600 connections", slowloris},
	{"G02 headers without end, a megabyte of one line, HPACK references", headerBombs},
	{"G03 rapid reset", rapidReset},
	{"G03 resets that the server is made to send", madeReset},
	{"G03 CONTINUATION without end", continuation},
	{"G03 SETTINGS and PING", cheapFrames},
	{"G03 empty DATA", emptyData},
	{"G04 decompression bombs", bombs},
	{"G05 10,000 new names a second", nameFlood},
	{"G05 handshakes that are not finished", handshakeFlood},
	{"G06 connections up to the budget and beyond", connectionFlood},
	{"G07 forms of 8 MB", bigForms},
	{"G07 endless uploads", endlessUploads},
	{"G09 answers read at a byte a second", slowReaders},
	{"G11 9,600 open tunnels", openTunnels},
	{"G11 WebSockets that ping without pause", pingStorm},
	{"G12 10,000 names at a resolver that takes 5 s", slowNames},
	{"requests with ever new foreign tokens", newTokens},
	{"bytes that are no TLS, targets that are none", garbage},
}

// attacker sends one attack from two addresses of its own: what one client may
// take is half of each budget.
type attacker struct {
	way       way
	home, sly string
}

func (a *attacker) from(i int) string {
	return []string{"127.0.3.1", "127.0.3.2"}[i%2]
}

// serveAttack attacks until its parent has enough.
func serveAttack(ctx context.Context, s setup) error {
	w, err := newWay(s.Proxy, s.Roots)
	if err != nil {
		return err
	}
	a := &attacker{way: w, home: s.Home, sly: s.Sly}
	for _, one := range attacks {
		if one.name == s.Attack {
			ready()
			one.do(ctx, a)
			return nil
		}
	}
	return errors.New("no such attack")
}

// paced starts one so many times a second, by so many at once; what nobody is
// free for is left out.
func paced(ctx context.Context, perSecond, atOnce int, one func(context.Context, int)) {
	due := make(chan int)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := range due {
				one(ctx, i)
			}
		})
	}
	start := time.Now()
	for i := 0; ctx.Err() == nil; {
		for until := int(time.Since(start).Seconds() * float64(perSecond)); i < until && ctx.Err() == nil; i++ {
			select {
			case due <- i:
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		time.Sleep(time.Millisecond)
	}
	close(due)
	all.Wait()
}

// each keeps so many at it, over and over.
func each(ctx context.Context, atOnce int, one func(context.Context, int)) {
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() {
			for ; ctx.Err() == nil; i += atOnce {
				one(ctx, i)
			}
		})
	}
	all.Wait()
}

// raw connects and writes first, without waiting for anything.
func (a *attacker) raw(ctx context.Context, i int, first []byte) (net.Conn, error) {
	conn, err := dialer(a.from(i)).DialContext(ctx, "tcp", a.way.proxy)
	if err != nil {
		pause(ctx, 50*time.Millisecond)
		return nil, err
	}
	_ = conn.(*net.TCPConn).SetLinger(0) // no TIME_WAIT: ports are for attacks
	if _, err := conn.Write(first); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// until closes conn when ctx ends.
func until(ctx context.Context, conn net.Conn) (stop func()) {
	after := context.AfterFunc(ctx, func() { conn.Close() })
	return func() { after(); conn.Close() }
}

// hello is a client's first flight for a name of the same length as like, at
// at: made once, sent often.
func hello(like string) []byte {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		_ = tls.Client(ours, &tls.Config{ServerName: like, NextProtos: []string{"h2", "http/1.1"}}).Handshake()
		ours.Close()
	}()
	first := make([]byte, 16<<10)
	n, err := theirs.Read(first)
	if err != nil {
		return nil
	}
	return first[:n]
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
