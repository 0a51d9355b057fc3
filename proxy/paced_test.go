package proxy

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestAHandshakeHasItsTurnOnlyWhileItIsWorkedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, here := net.Pipe()
		defer there.Close()
		d, now := crowdedDoor()
		p := &paced{Conn: here, door: d, of: office}
		p.begin()
		passed := false
		go func() { d.pass(office, now); passed = true }()
		synctest.Wait()
		if passed {
			t.Error("another of its client's begins while it is worked out")
		}
		read := make(chan error)
		go func() {
			_, err := p.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		if !passed {
			t.Error("no other begins while it waits for its client")
		}

		d.enter(office) // another has its turn when the client answers
		if _, err := there.Write([]byte("f")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case <-read:
			t.Error("it goes on in the turn of another")
		default:
		}
		d.leave(office, 0)
		if err := <-read; err != nil {
			t.Error(err)
		}
		p.rest()
		p.rest() // nothing is left to give back
		time.Sleep(time.Second)
		if len(d.lines) != 0 || d.waiting.Load() != 0 {
			t.Error("left behind:", d.lines)
		}
	})
}
