package doctor

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// isOurs is how the CA that tenantgate makes calls itself.
var isOurs = regexp.MustCompile(`^tenantgate interception CA\b`)

// expiring is how long before its end a CA should be replaced: a rotation has
// to reach every device first.
const expiring = 60 * 24 * time.Hour

// trust looks at the CA's validity and, on a device, whether the system's store
// has it.
func (s *Subject) trust(ctx context.Context) Finding {
	if s.Root != nil {
		switch now := s.Now(); {
		case now.After(s.Root.NotAfter):
			return fail("the CA ended on "+day(s.Root.NotAfter), "tenantgate ca rotate, and distribute the new one (tenantgate onboard)")
		case now.Before(s.Root.NotBefore):
			return fail("the CA is valid from "+day(s.Root.NotBefore)+" only", "is the clock of this machine right?")
		case s.Root.NotAfter.Sub(now) < expiring && !s.Device:
			return warn("the CA ends on "+day(s.Root.NotAfter), "tenantgate ca rotate --prepare, and tenantgate onboard")
		}
	}
	if !s.Device {
		if s.Root == nil {
			return skip("the CA is not known", "")
		}
		return pass("the CA is valid until " + day(s.Root.NotAfter))
	}
	got := s.look(ctx, signIn[0])
	switch {
	case len(got.chain) == 0:
		return skip("no certificate was seen", "see intercepted")
	case !s.ours(got.chain, signIn[0]):
		return skip("the certificate that came is not the proxy's", "see intercepted")
	case got.trusted != nil:
		return fail("this machine does not trust the proxy's CA: "+got.trusted.Error(), "install the root (tenantgate onboard writes it in every form), and see that the clock is right")
	}
	return pass("this machine trusts the proxy's CA")
}

// intercepted asks whether sign-in hosts answer with a leaf of ours.
func (s *Subject) intercepted(ctx context.Context) Finding {
	for _, n := range signIn {
		got := s.look(ctx, n)
		switch {
		case got.err != nil:
			return fail(string(n)+": "+got.err.Error(), "see proxy")
		case got.refused != "":
			return fail(string(n)+": "+got.refused, "docs/reasons.md says what to do")
		case !s.ours(got.chain, n):
			return fail(string(n)+" is not decrypted: its certificate is from "+issuer(got.chain), "something between here and the proxy, or another proxy; --ca names the CA if it is not tenantgate's own")
		}
	}
	return pass("sign-in hosts answer with a certificate of the proxy")
}

// exempt asks whether hosts that must not be decrypted are not.
func (s *Subject) exempt(ctx context.Context) Finding {
	unknown := ""
	for _, n := range devices {
		got := s.look(ctx, n)
		switch {
		case got.reason == "exempt-blocked":
			return pass("policy.exempt blocks them")
		case got.status == http.StatusForbidden:
			return fail(string(n)+": "+got.refused, "docs/reasons.md says what to do")
		case got.err != nil && strings.HasPrefix(got.err.Error(), "dial"):
			return fail(string(n)+": "+got.err.Error(), "see proxy")
		case len(got.chain) == 0:
			unknown = string(n) + ": " + got.refused
			if got.err != nil {
				unknown += got.err.Error()
			}
		case s.ours(got.chain, n):
			return fail(string(n)+" is decrypted by the proxy: device sign-in breaks", "is another proxy with the same CA in the way?")
		case got.trusted != nil:
			return warn(string(n)+" has a certificate from "+issuer(got.chain)+", which this machine does not trust", "is another box decrypting it?")
		}
	}
	if unknown != "" {
		return warn("cannot tell: "+unknown, "is the Internet reached from the proxy?")
	}
	return pass("device hosts are not decrypted")
}
