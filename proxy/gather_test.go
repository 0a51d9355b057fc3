package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// sharedConn is a connection that requests of HTTP/2 share, and its other end,
// whose reads take what one write brought.
func sharedConn(t *testing.T) (c *cut, there net.Conn) {
	there, here := net.Pipe()
	t.Cleanup(func() { there.Close(); here.Close() })
	c = &cut{Conn: here}
	c.shared.Store(true)
	return c, there
}

// reads returns what the next read of c brings.
func reads(t *testing.T, c net.Conn) string {
	t.Helper()
	b := make([]byte, 4*gatherMost)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestWhatIsWrittenMeanwhileIsWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := sharedConn(t)
		for _, s := range []string{"a", "b", "c", "d"} {
			if n, err := c.Write([]byte(s)); n != 1 || err != nil {
				t.Error(n, err)
			}
			synctest.Wait() // "a" is being written
		}
		if first, rest := reads(t, there), reads(t, there); first != "a" || rest != "bcd" {
			t.Errorf("%q, then %q", first, rest)
		}
	})
}

func TestAConnectionOfOneRequestAtATimeIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := sharedConn(t)
		c.shared.Store(false)
		wrote := false
		go func() {
			_, err := c.Write([]byte("a"))
			wrote = err == nil
		}()
		synctest.Wait()
		if wrote {
			t.Error("written before anybody read")
		}
		reads(t, there)
		synctest.Wait()
		if !wrote {
			t.Error("not written")
		}
	})
}

func TestWhoWritesMuchWaitsUntilItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := sharedConn(t)
		done := 0
		go func() {
			for range 100 {
				_, _ = c.Write(make([]byte, gatherMost/2))
				done++
			}
		}()
		synctest.Wait()
		if done == 0 || done > 4 { // two are being written at most, and two are kept back
			t.Errorf("%d were taken", done)
		}
		for sum := 0; sum < 100*gatherMost/2; {
			sum += len(reads(t, there))
		}
	})
}

func TestAFailedWriteEndsTheConnectionThatIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := sharedConn(t)
		ended := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte("nobody reads this")); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("its reader goes on")
		}
		if _, err := c.Write([]byte("more")); originReason(err) != "origin-timeout" {
			t.Error(err)
		}
		_ = there.Close()
	})
}

func TestWhatWasWrittenComesBeforeTheEndOfTLS(t *testing.T) {
	c, there := sharedConn(t)
	site := httptest.NewTLSServer(nil)
	defer site.Close()
	roots := x509.NewCertPool()
	roots.AddCert(site.Certificate())
	ours := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "example.com"})
	origin := tls.Server(&cut{Conn: there}, site.TLS) // tells close_notify from an end without
	got := make(chan error, 1)
	go func() {
		b, err := io.ReadAll(origin)
		if err == nil && string(b) != "last words" {
			err = errors.New("got: " + string(b))
		}
		got <- err
	}()
	if _, err := ours.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}
