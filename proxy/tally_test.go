package proxy

import (
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tenantgate/tenantgate/policy"
)

func TestRequestsAtOnceAreCountedUnderWhatBecameOfThem(t *testing.T) {
	const each = 100
	m := NewMetrics(prometheus.NewRegistry())
	verdicts := []policy.Verdict{
		{Action: policy.Forward, Reason: policy.HomeAccount}, {Action: policy.Block, Reason: policy.HomeAccount},
		{Action: policy.Block, Reason: policy.ExternalAccount}, {Action: policy.Forward, Reason: policy.SignIn},
	}
	planes := []policy.Plane{policy.Data, policy.Auth}
	var all sync.WaitGroup
	for _, plane := range planes {
		for _, v := range verdicts {
			for range 2 {
				all.Go(func() {
					for range each {
						m.of(plane).request(v)
					}
				})
			}
		}
	}
	all.Wait()
	for _, plane := range planes {
		for _, v := range verdicts {
			if n := testutil.ToFloat64(m.requests.WithLabelValues(string(plane), v.Action.String(), string(v.Reason))); n != 2*each {
				t.Errorf("%s, %s, %s: %v, want %d", plane, v.Action, v.Reason, n, 2*each)
			}
		}
	}
}
