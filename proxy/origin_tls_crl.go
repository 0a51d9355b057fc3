package proxy

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/tenantgate/tenantgate/peer"
)

// A revocationList is what one issuer has revoked, as far as one distribution
// point tells.
type revocationList struct {
	revoked    map[string]struct{} // serial numbers, big-endian
	number     *big.Int            // counts up; nil if the issuer does not count
	end        time.Time           // when it stops saying that anything is good
	fetched    time.Time
	usersOnly  bool // says nothing of CAs
	issuersOne bool // says nothing of anybody else
}

// Extensions of lists (RFC 5280, 5.2.5).
var issuingPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// pointOf is the extension that says which part of all certificates a list is
// about.
type pointOf struct {
	Point      pointName      `asn1:"optional,tag:0"`
	UsersOnly  bool           `asn1:"optional,tag:1"`
	CAsOnly    bool           `asn1:"optional,tag:2"`
	Some       asn1.BitString `asn1:"optional,tag:3"`
	Indirect   bool           `asn1:"optional,tag:4"`
	Attributes bool           `asn1:"optional,tag:5"`
}

type pointName struct {
	Full []asn1.RawValue `asn1:"optional,tag:0"`
}

// uri is the tag of a uniformResourceIdentifier among general names.
const uri = 6

// parseList reads a list that was fetched from point and must be issuer's. A
// list of another part of the same issuer's certificates is signed just as
// well: without the check of its extension, whoever is on the way could bring
// one in which the serial number is not.
func parseList(der []byte, point string, issuer *x509.Certificate, now time.Time) (*revocationList, error) {
	raw, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	switch {
	case !bytes.Equal(raw.RawIssuer, issuer.RawSubject):
		return nil, errors.New("another issuer's list")
	case !peer.Strong(raw.SignatureAlgorithm):
		return nil, fmt.Errorf("signed with %v", raw.SignatureAlgorithm)
	case raw.ThisUpdate.After(now.Add(clockSkew)):
		return nil, errors.New("a list of the future")
	}
	if err := raw.CheckSignatureFrom(issuer); err != nil {
		return nil, err
	}
	list := &revocationList{revoked: make(map[string]struct{}, len(raw.RevokedCertificateEntries)), number: raw.Number, end: raw.NextUpdate, fetched: now}
	for _, ext := range raw.Extensions {
		switch {
		case ext.Id.Equal(issuingPoint):
			if err := list.limit(ext, point); err != nil {
				return nil, err
			}
		case ext.Critical: // a delta list, or what nobody here knows
			return nil, fmt.Errorf("critical extension %v", ext.Id)
		}
	}
	for _, entry := range raw.RevokedCertificateEntries {
		list.revoked[string(entry.SerialNumber.Bytes())] = struct{}{}
	}
	return list, nil
}

// limit reads what part the list is about.
func (l *revocationList) limit(ext pkix.Extension, point string) error {
	var part pointOf
	if rest, err := asn1.Unmarshal(ext.Value, &part); err != nil || len(rest) > 0 {
		return errors.New("its distribution point cannot be read")
	}
	if part.Indirect || part.Attributes || part.Some.BitLength > 0 {
		return errors.New("an indirect or partial list")
	}
	l.usersOnly, l.issuersOne = part.UsersOnly, part.CAsOnly
	if len(part.Point.Full) == 0 {
		return nil
	}
	for _, name := range part.Point.Full {
		if name.Class == asn1.ClassContextSpecific && name.Tag == uri && string(name.Bytes) == point {
			return nil
		}
	}
	return errors.New("a list of another distribution point")
}

// tells what the list says of c. That something is revoked does not get old.
func (l *revocationList) tells(c *x509.Certificate, now time.Time) revocation {
	if l == nil || c.IsCA && l.usersOnly || !c.IsCA && l.issuersOne {
		return unknown
	}
	if _, ok := l.revoked[string(c.SerialNumber.Bytes())]; ok {
		return revoked
	}
	if !now.Before(l.end) {
		return unknown
	}
	return good
}

// older tells whether l was made before other: a list that is still valid may
// be brought again to hide what a newer one has.
func (l *revocationList) older(other *revocationList) bool {
	return other != nil && l.number != nil && other.number != nil && l.number.Cmp(other.number) < 0
}
