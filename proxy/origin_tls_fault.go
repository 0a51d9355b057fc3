package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// OriginFault is why an origin is refused whose certificate crypto/tls takes.
type OriginFault struct {
	Rule string // closed list, docs/tls.md
	What string
}

func (f *OriginFault) Error() string { return fmt.Sprintf("origin's TLS: %s (%s)", f.What, f.Rule) }

// originFault names in one word what was wrong with an origin's TLS; empty if
// that was not what was wrong.
func originFault(err error) string {
	if own, ok := errors.AsType[*OriginFault](err); ok {
		return own.Rule
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "wrong-name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "unknown-authority"
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return "critical-extension"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return invalidity[invalid.Reason]
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "invalid"
	}
	if shaking(err) {
		return "handshake"
	}
	return ""
}

// shaking tells whether TLS ended in disagreement: on versions, suites or
// protocols. crypto/tls has no type for what it says itself, and tells alerts
// as the operation of a net.OpError.
func shaking(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return record || alert || strings.HasPrefix(err.Error(), "tls: ")
}

// invalidity names the reasons of crypto/x509.
var invalidity = map[x509.InvalidReason]string{
	x509.NotAuthorizedToSign:           "not-a-ca",
	x509.Expired:                       "expired",
	x509.CANotAuthorizedForThisName:    "name-constraints",
	x509.TooManyIntermediates:          "path-length",
	x509.IncompatibleUsage:             "not-for-servers",
	x509.NameMismatch:                  "name-constraints",
	x509.NameConstraintsWithoutSANs:    "wrong-name",
	x509.UnconstrainedName:             "name-constraints",
	x509.TooManyConstraints:            "name-constraints",
	x509.CANotAuthorizedForExtKeyUsage: "not-for-servers",
	x509.NoValidChains:                 "invalid",
}
