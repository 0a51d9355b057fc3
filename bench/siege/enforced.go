package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	changes   = 20
	soonness  = time.Second
	following = 20 // requests that must all obey once one did
)

// enforced changes the policy of a partner back and forth, and tells how often
// connections that were open obeyed within a second, and without fail from then on.
func (s *stand) enforced(ctx context.Context) (n int, longest time.Duration, err error) {
	clients := []*http.Client{s.way.client(goodFrom, false, true), s.way.client(goodFrom, true, true)}
	visitor := token(partnerTenant, "partner")
	status := func(i int) (int, error) {
		r, err := request(ctx, http.MethodGet, data, "/10", visitor, nil)
		if err != nil {
			return 0, err
		}
		got, _, err := ask(clients[i%2], r)
		return got, err
	}
	for change := range changes {
		more, want := partner, http.StatusOK
		if change%2 == 1 {
			more, want = "", http.StatusForbidden
		}
		began := time.Now()
		if err := s.proxy.reload(more); err != nil {
			return n, longest, err
		}
		took, stale, obeyed := time.Duration(0), 0, 0
		for i := 0; obeyed < following; i++ {
			got, err := status(i)
			switch {
			case err != nil:
				return n, longest, err
			case got == want && obeyed == 0:
				took = time.Since(began)
				obeyed++
			case got == want:
				obeyed++
			case obeyed > 0:
				stale++
				obeyed++
			case time.Since(began) > 10*soonness:
				return n, longest, fmt.Errorf("change %d is not enforced after %v: %d", change+1, time.Since(began), got)
			}
		}
		longest = max(longest, took)
		n += truth(took <= soonness && stale == 0)
	}
	return n, longest, nil
}
