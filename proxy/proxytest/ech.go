package proxytest

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
)

// ECHConfig returns an ECHConfigList with the public name given and a key that
// nobody has: a client that uses it hides the name it wants (RFC 9849).
func ECHConfig(public string) []byte {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil
	}
	body := []byte{7, 0x00, 0x20} // config id; DHKEM(X25519, HKDF-SHA256)
	body = prefixed(body, key.PublicKey().Bytes())
	body = prefixed(body, []byte{0, 1, 0, 1}) // HKDF-SHA256, AES-128-GCM
	body = append(body, 64, byte(len(public)))
	body = append(body, public...)
	body = append(body, 0, 0)                    // no extensions
	config := prefixed([]byte{0xfe, 0x0d}, body) // version
	return prefixed(nil, config)
}

func prefixed(b, with []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(with)))
	return append(b, with...)
}
