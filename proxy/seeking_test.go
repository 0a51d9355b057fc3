package proxy

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

var atGraph = seat{of: office, origin: hosts.Authority{Name: "graph.microsoft.com", Port: 443}}

// crowdedSeat is one where as many look as may.
func crowdedSeat(t *testing.T) *seeking {
	s := new(seeking)
	for range seekAtOnce {
		if err := s.enter(t.Context(), atGraph, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestWhoLooksForAConnectionWaitsForThoseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowdedSeat(t)
		var found []int
		for i := range 3 {
			go func() {
				if s.enter(t.Context(), atGraph, time.Minute) == nil {
					found = append(found, i)
				}
			}()
			synctest.Wait()
		}
		for i := range 4 {
			synctest.Wait()
			if want := []int{0, 1, 2}[:i]; !slices.Equal(found, want) {
				t.Errorf("%v look, want %v", found, want)
			}
			s.leave(atGraph)
		}
		for range seekAtOnce - 1 {
			s.leave(atGraph)
		}
		if len(s.by) != 0 {
			t.Error("left behind:", s.by)
		}
	})
}

func TestOneClientsCrowdKeepsNobodyElseFromAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowdedSeat(t)
		another := atGraph
		another.of = visitor
		elsewhere := atGraph
		elsewhere.origin.Name = "outlook.office.com"
		for _, at := range []seat{another, elsewhere} {
			if err := s.enter(t.Context(), at, time.Nanosecond); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhoWaitsForAConnectionWaitsAsLongAsADialMayTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowdedSeat(t)
		err := s.enter(t.Context(), atGraph, 15*time.Second)
		if originReason(err) != "origin-timeout" {
			t.Error(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.enter(gone, atGraph, time.Second); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if n := s.by[atGraph].n; n != seekAtOnce {
			t.Error("counted:", n)
		}
	})
}

func TestEveryRequestFindsAConnectionInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s seeking
		var found atomic.Int64
		for range 1000 {
			go func() {
				if s.enter(t.Context(), atGraph, time.Minute) == nil {
					time.Sleep(time.Millisecond)
					found.Add(1)
					s.leave(atGraph)
				}
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if found.Load() != 1000 || len(s.by) != 0 {
			t.Errorf("%d found one, left behind: %v", found.Load(), s.by)
		}
	})
}
