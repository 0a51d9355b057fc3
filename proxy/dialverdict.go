package proxy

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/tenantgate/tenantgate/policy"
)

// dialTimeout bounds resolving and connecting for a tunnel.
const dialTimeout = 15 * time.Second

// dialVerdict is v, or the refusal that a failed dial leads to.
func (s *Server) dialVerdict(v policy.Verdict, err error) policy.Verdict {
	if err == nil {
		return v
	}
	return policy.Verdict{Reason: originReason(err)}
}

// originReason names what was wrong with an origin. Anything that is not
// known better is origin-unreachable.
func originReason(err error) policy.Reason {
	var timeout net.Error
	switch {
	case errors.Is(err, ErrGuarded):
		return policy.GuardedAddress
	case errors.Is(err, ErrSignIn):
		return policy.RestrictedAddress
	case errors.Is(err, ErrOverloaded):
		return policy.Overloaded
	case errors.Is(err, ErrLoop):
		return policy.ProxyLoop
	case errors.Is(err, ErrParentAuth):
		return policy.ParentAuth
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return policy.OriginTimeout
	case errors.Is(err, ErrParent): // its certificate is not the origin's
		return policy.OriginUnreachable
	case originFault(err) != "":
		return policy.OriginUntrusted
	default:
		return policy.OriginUnreachable
	}
}
