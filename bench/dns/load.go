package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// load is how many clients ask, and how many questions each has open at once.
type load struct {
	name           string
	clients, apart int
}

var loads = []load{
	{"1", 1, 1},
	{"16 (4 clients)", 4, 4},
	{"128 (16 clients)", 16, 8},
}

// patience is how long a client waits before it takes what is open for lost.
const patience = time.Second

// drive asks n questions.
func (l load) drive(ctx context.Context, addr string, n int) error {
	var all errgroup.Group
	for i := range l.clients {
		all.Go(func() error {
			c, err := net.Dial("udp", addr)
			if err != nil {
				return err
			}
			defer c.Close()
			a := asker{Conn: c, next: i * len(questions) / l.clients}
			return a.ask(ctx, n/l.clients, l.apart)
		})
	}
	return all.Wait()
}

// asker is one client.
type asker struct {
	net.Conn
	next, lost int
	in         [512]byte
}

// ask asks n questions, so many at once, and reads their answers.
func (a *asker) ask(ctx context.Context, n, apart int) error {
	open := 0
	for asked, answered := 0, 0; answered < n; {
		for ; open < apart && asked < n; open++ {
			if err := a.send(); err != nil {
				return err
			}
			asked++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		err := a.receive()
		if errors.Is(err, os.ErrDeadlineExceeded) && a.lost <= n/100 {
			a.lost += open
			asked -= open
			open = 0
			continue
		}
		if err != nil {
			return err
		}
		answered++
		open--
	}
	return nil
}

func (a *asker) send() error {
	at := a.next % len(questions)
	a.next++
	q := questions[at]
	binary.BigEndian.PutUint16(q[:], uint16(at))
	_, err := a.Write(q)
	return err
}

func (a *asker) receive() error {
	if err := a.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	n, err := a.Read(a.in[:])
	if err != nil {
		return err
	}
	if n < 12 || a.in[2]&0x80 == 0 || a.in[3]&0xF != 0 || a.in[7] != 1 {
		return fmt.Errorf("the answer is %x", a.in[:n])
	}
	return nil
}

// names is how many there are in the zone.
const names = 1000

// questions are the messages that ask for every name, with EDNS as stub
// resolvers have it. A client writes its number into the one it sends; the
// number is the same for all.
var questions = func() [][]byte {
	var all [][]byte
	for i := range names {
		m := new(dns.Msg).SetQuestion(name(i), dns.TypeA).SetEdns0(1232, false)
		m.Id = uint16(i)
		b, err := m.Pack()
		if err != nil {
			return nil
		}
		all = append(all, b)
	}
	return all
}()

func name(i int) string { return fmt.Sprintf("host-%d.department-%d.example.com.", i, i%17) }
