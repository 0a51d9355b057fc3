package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

var (
	errBusy = errors.New("too many questions wait for one upstream")
	errIdle = errors.New("nobody waits for this connection any more")
	errSlow = errors.New("no answer came in time")
)

// dialWait bounds the making of a connection: after it, the questions that
// waited have long ended.
const dialWait = 3 * time.Second

// stream is one connection with many questions under way, each with a number
// of its own.
type stream struct {
	ready chan struct{} // closed when the connection is made, or cannot be
	over  chan struct{} // closed at the end

	writing sync.Mutex // held by whoever writes a message

	mu      sync.Mutex
	conn    net.Conn
	users   int // between enter and leave
	open    map[uint16]chan []byte
	heard   time.Time // when an answer came last
	retired bool
	err     error // why it is over
}

func newStream(retired bool) *stream {
	return &stream{ready: make(chan struct{}), over: make(chan struct{}), open: map[uint16]chan []byte{}, retired: retired}
}

// run makes the connection and reads answers until it ends.
func (s *stream) run(ctx context.Context, dial func(context.Context) (net.Conn, error)) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	go func() {
		select {
		case <-s.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	conn, err := dial(ctx)
	s.mu.Lock()
	if err == nil && s.err != nil {
		conn.Close()
	}
	s.conn = conn
	s.mu.Unlock()
	if err != nil {
		s.end(err)
	}
	close(s.ready)
	if err == nil {
		s.end(s.read(conn))
	}
}

// read hands out answers; one to a question that nobody asks is dropped.
func (s *stream) read(conn net.Conn) error {
	for {
		if err := conn.SetReadDeadline(time.Now().Add(idleChannel)); err != nil {
			return err
		}
		in, err := readMessage(conn)
		if err != nil {
			return err
		}
		if len(in) < headerSize {
			return errForeign
		}
		s.mu.Lock()
		s.heard = time.Now()
		answer := s.open[binary.BigEndian.Uint16(in)]
		delete(s.open, binary.BigEndian.Uint16(in))
		s.mu.Unlock()
		if answer != nil {
			answer <- in
		}
	}
}

// end closes the connection; who waits gets err.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = err
	close(s.over)
	if s.conn != nil {
		s.conn.Close()
	}
}

// enter counts a question; false where the connection is over.
func (s *stream) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	s.users++
	return true
}

// leave undoes enter.
func (s *stream) leave() {
	s.mu.Lock()
	s.users--
	last := s.retired && s.users == 0
	s.mu.Unlock()
	if last {
		s.end(errIdle)
	}
}

func (s *stream) retire() {
	s.mu.Lock()
	s.retired = true
	idle := s.users == 0
	s.mu.Unlock()
	if idle {
		s.end(errIdle)
	}
}

// ask sends out, which starts with its length, under a number that is free,
// and returns the answer with its own number. The caller has entered.
func (s *stream) ask(ctx context.Context, out []byte) ([]byte, error) {
	defer s.leave()
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	answer := make(chan []byte, 1)
	number, err := s.take(answer)
	if err != nil {
		return nil, err
	}
	defer s.release(number)
	began := time.Now()
	if err := s.write(ctx, out, number); err != nil {
		s.end(err)
		return nil, err
	}
	select {
	case in := <-answer:
		copy(in, out[2:4])
		return in, nil
	case <-s.over:
		return nil, s.err
	case <-ctx.Done():
		s.suspect(began)
		return nil, ctx.Err()
	}
}

// take reserves a number for a question.
func (s *stream) take(answer chan []byte) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if len(s.open) > maxFlights {
		return 0, errBusy
	}
	for {
		n := uint16(rand.Uint32())
		if _, used := s.open[n]; !used {
			s.open[n] = answer
			return n, nil
		}
	}
}

func (s *stream) release(number uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, number)
}

func (s *stream) write(ctx context.Context, out []byte, number uint16) error {
	msg := append([]byte(nil), out...)
	binary.BigEndian.PutUint16(msg[2:], number)
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(dialWait)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(end); err != nil {
		return err
	}
	_, err := s.conn.Write(msg)
	return err
}

// suspect ends a connection that nothing has come over since a question left
// that was not answered: the way may be dead without anybody saying so.
func (s *stream) suspect(began time.Time) {
	s.mu.Lock()
	silent := s.heard.Before(began)
	s.mu.Unlock()
	if silent {
		s.end(errSlow)
	}
}
