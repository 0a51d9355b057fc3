package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	var untrusted *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var fault *OriginFault
	switch {
	case errors.Is(err, ErrGuarded):
		return policy.GuardedAddress
	case errors.Is(err, ErrSignIn):
		return policy.RestrictedAddress
	case errors.Is(err, ErrLoop):
		return policy.ProxyLoop
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return policy.OriginTimeout
	case errors.As(err, &untrusted), errors.As(err, &unknown), errors.As(err, &alert), errors.As(err, &record), errors.As(err, &fault):
		return policy.OriginUntrusted
	default:
		return policy.OriginUnreachable
	}
}
