package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// deaf is a client that takes nothing until it is cut off.
type deaf struct {
	http.ResponseWriter
	cut chan struct{}
}

func (d *deaf) Write([]byte) (int, error)        { <-d.cut; return 0, http.ErrHandlerTimeout }
func (d *deaf) SetWriteDeadline(time.Time) error { close(d.cut); return nil }

// lent is an answer of an origin, and whether it was let go of.
type lent struct {
	io.Reader
	closed atomic.Bool
}

func (l *lent) Close() error { l.closed.Store(true); return nil }

// answered sends a client that takes nothing an answer, and tells how that
// ended and after how long.
func (s *Server) answered(t *testing.T, from netip.Addr) (end func() (time.Duration, bool, error)) {
	in, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	x := &exchange{server: s, in: in, w: &deaf{cut: make(chan struct{})}, client: &client{from: netip.AddrPortFrom(from, 1)}}
	body := &lent{Reader: strings.NewReader(strings.Repeat("x", 2*bufferedBody))}
	start, done := time.Now(), make(chan error)
	go func() { done <- x.stream(&http.Response{Body: body, ContentLength: 2 * bufferedBody}) }()
	synctest.Wait()
	return func() (time.Duration, bool, error) {
		err := <-done
		synctest.Wait()
		return time.Since(start), body.closed.Load(), err
	}
}

func TestAnAnswerThatNobodyReadsIsNotKeptForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		s.budgets = s.Limits.budgets()
		took, closed, err := s.answered(t, ann)()
		if !errors.Is(err, errUnread) || took != writeIdle || !closed {
			t.Errorf("%v after %v, the origin's end closed: %v", err, took, closed)
		}
		if len(s.budgets.unread.by) > 0 {
			t.Error("it is still counted")
		}
	})
}

func TestAnswersThatNobodyReadsAreCutWhenThereAreTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		s.budgets = s.Limits.budgets()
		s.budgets.unread.set(2, 50)
		first := s.answered(t, ann)
		time.Sleep(time.Millisecond)
		second := s.answered(t, ann)
		third := s.answered(t, bob)
		if took, _, err := first(); !errors.Is(err, errUnread) || took != writeSlow+time.Millisecond {
			t.Errorf("the first of ann's: %v after %v", err, took)
		}
		for _, rest := range []func() (time.Duration, bool, error){second, third} {
			if took, _, err := rest(); !errors.Is(err, errUnread) || took != writeIdle {
				t.Errorf("%v after %v", err, took)
			}
		}
	})
}

func TestAnAnswerThatIsReadInTimeIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		s.budgets = s.Limits.budgets()
		r := (&exchange{server: s, client: &client{from: netip.AddrPortFrom(ann, 1)}}).reads(&http.Response{ContentLength: hasNoLength})
		for range 10 {
			r.begins()
			time.Sleep(writeSlow - 1)
			if counted := len(s.budgets.unread.by); counted > 0 || !r.ended() {
				t.Error("counted or cut")
			}
			time.Sleep(time.Hour) // the origin's time
		}
	})
}
