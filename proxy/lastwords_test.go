package proxy

import (
	"io"
	"net"
	"testing"
)

func TestAnAlertInTheClearIsRead(t *testing.T) {
	for said, want := range map[string]string{
		"\x15\x03\x03\x00\x02\x02\x30":                         "tls: unknown certificate authority",
		"\x14\x03\x03\x00\x01\x01\x15\x03\x01\x00\x02\x02\x2a": "tls: bad certificate",
		"\x15\x03\x03\x00\x13\x02\x30":                         "", // encrypted
		"\x16\x03\x01\x02\x00\x01\x00":                         "",
		"\x02\x30":                                             "",
		"":                                                     "",
	} {
		for _, size := range []int{1, 3, 64} {
			near, far := net.Pipe()
			go func() {
				_, _ = io.WriteString(far, said)
				far.Close()
			}()
			l := &lastWords{Conn: near}
			got, err := io.ReadAll(io.MultiReader(onlyReader{l, size}))
			if err != nil || string(got) != said {
				t.Errorf("%q was read as %q, %v", said, got, err)
			}
			if alert, _ := l.alert(); alert != want {
				t.Errorf("%q, %d at once, is %q, want %q", said, size, alert, want)
			}
		}
	}
}

// onlyReader reads size bytes at once, at most.
type onlyReader struct {
	io.Reader
	size int
}

func (r onlyReader) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(len(b), r.size)]) }
