package onboard

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"unicode/utf16"
)

// certificates are the roots in every form that some platform wants.
func certificates(roots []*x509.Certificate) []File {
	var bundle []byte
	var all []File
	for i, c := range roots {
		name, which := "ca/tenantgate", "the CA"
		if i > 0 {
			name, which = "ca/tenantgate-next", "the CA that comes next, to be trusted before it is used"
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		bundle = append(bundle, text...)
		all = append(all,
			File{name + ".crt", which + ", PEM: Linux, Firefox", 0o644, text},
			File{name + ".cer", which + ", DER: Windows, macOS, Android, Java", 0o644, c.Raw})
	}
	return append(all,
		File{"ca/tenantgate.pem", "all of them in one PEM file: Node, Python, curl", 0o644, bundle},
		File{"ca/tenantgate.p7b", "all of them in one PKCS #7 file: Windows, Active Directory", 0o644, p7b(roots)})
}

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// p7b is the degenerate case of SignedData (RFC 5652, 5.1, and RFC 2315, 9):
// certificates, and nobody who signs.
func p7b(roots []*x509.Certificate) []byte {
	var certs []byte
	for _, c := range roots {
		certs = append(certs, c.Raw...)
	}
	type content struct{ Type asn1.ObjectIdentifier }
	type signedData struct {
		Version      int
		Digests      asn1.RawValue
		Content      content
		Certificates asn1.RawValue
		Signers      asn1.RawValue
	}
	none := asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true}
	inner, err := asn1.Marshal(signedData{1, none, content{oidData},
		asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: certs}, none})
	if err != nil {
		return nil // none of these types can fail
	}
	outer, err := asn1.Marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{oidSignedData, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}})
	if err != nil {
		return nil
	}
	return outer
}

// registry encodes a .reg file as Registry Editor exports one: UTF-16, little
// endian, with a byte order mark.
func registry(text []byte) []byte {
	var b bytes.Buffer
	b.Write([]byte{0xff, 0xfe})
	for _, u := range utf16.Encode([]rune(string(crlf(text)))) {
		b.Write(binary.LittleEndian.AppendUint16(nil, u))
	}
	return b.Bytes()
}
