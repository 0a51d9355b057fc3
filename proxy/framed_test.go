package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const pieceOfFlood = 16 << 10

// flooded is a connection of HTTP/2 on which bytes come without end, and how
// often it was said to be slowed down.
func flooded(t *testing.T) (f *framed, slowed *int) {
	t.Helper()
	there, here := net.Pipe()
	slowed = new(int)
	f = newFramed(here, func() { *slowed++ })
	t.Cleanup(func() { there.Close(); f.Close() })
	go func() { _, _ = io.Copy(io.Discard, there) }()
	go func() {
		for piece := make([]byte, pieceOfFlood); ; {
			if _, err := there.Write(piece); err != nil {
				return
			}
		}
	}()
	return f, slowed
}

// readPieces reads n pieces, does each after it, and tells how long that took.
func (f *framed) readPieces(t *testing.T, n int, each func()) time.Duration {
	t.Helper()
	start, b := time.Now(), make([]byte, pieceOfFlood)
	for range n {
		if _, err := io.ReadFull(f, b); err != nil {
			t.Fatal(err)
		}
		each()
	}
	return time.Since(start)
}

func requestWith(header string) *http.Request {
	return &http.Request{RequestURI: "/", URL: &url.URL{Path: "/"}, Header: http.Header{"Cookie": {header}}, Body: http.NoBody}
}

func TestWhatServesNoRequestIsReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, slowed := flooded(t)
		const seconds = 30
		took := f.readPieces(t, 1+(framesAtFirst+seconds*framesPerSecond)/pieceOfFlood, func() {})
		if want := seconds * time.Second; took < want || took > want+time.Second {
			t.Errorf("%v, want %v", took, want)
		}
		if *slowed != 1 {
			t.Errorf("said %d times", *slowed)
		}
	})
}

func TestWhatServesARequestIsReadAsItComes(t *testing.T) {
	header := strings.Repeat("c", pieceOfFlood)
	for name, each := range map[string]func(*framed){
		"headers": func(f *framed) { f.asks(requestWith(header)) },
		"a body":  func(f *framed) { f.carried(pieceOfFlood) },
		"what is said of an answer that is read": func(f *framed) {
			if _, err := f.Write(make([]byte, 8*pieceOfFlood)); err != nil {
				t.Error(err)
			}
		},
		"quick answers": func(f *framed) {
			for range pieceOfFlood / costOfReset {
				f.answered(requestWith(""), 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, slowed := flooded(t)
				if took := f.readPieces(t, 10_000, func() { each(f) }); took > 0 || *slowed > 0 {
					t.Errorf("waited %v, %d times", took, *slowed)
				}
			})
		})
	}
}

func TestABodyIsCountedWhenItIsRead(t *testing.T) {
	f, _ := flooded(t)
	r := requestWith("")
	r.ContentLength, r.Body = 100_000, io.NopCloser(strings.NewReader(strings.Repeat("b", 100_000)))
	f.asks(r)
	before := f.left
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n != 100_000 {
		t.Fatal(n, err)
	}
	if f.left-before < 100_000 || f.ahead != firstWindow+100_000 {
		t.Errorf("%d and %d ahead", f.left-before, f.ahead)
	}
}

func TestAnUploadMayBeAheadOfItsOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, slowed := flooded(t)
		f.readPieces(t, 100, func() { f.carried(pieceOfFlood) })
		if took := f.readPieces(t, uploadWindow/pieceOfFlood, func() {}); took > 0 || *slowed > 0 {
			t.Errorf("a window of body waited %v", took)
		}
		go func() {
			time.Sleep(100 * time.Millisecond)
			f.carried(uploadWindow)
		}()
		f.spend(f.left + f.ahead + 1000*framesPerSecond)
		if took := f.readPieces(t, 1, func() {}); took != 100*time.Millisecond {
			t.Errorf("%v, want to go on as soon as the origin does", took)
		}
	})
}

func TestAResetRequestIsPaidFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, slowed := flooded(t)
		ctx, reset := context.WithCancel(t.Context())
		reset()
		for range (framesAtFirst + framesPerSecond) / costOfReset {
			r := requestWith(strings.Repeat("c", 2*costOfReset)).WithContext(ctx)
			f.answered(r, f.asks(r)) // HPACK makes such a header a byte
		}
		if took := f.readPieces(t, 1, func() {}); *slowed != 1 || took != time.Second {
			t.Errorf("%v, slowed %d times", took, *slowed)
		}
	})
}

func TestNobodyOwesForLongerThanSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := flooded(t)
		f.spend(1 << 40)
		if took := f.readPieces(t, 1, func() {}); took != mostOwed/framesPerSecond*time.Second {
			t.Errorf("%v", took)
		}
	})
}

func TestClosingEndsTheWaitForFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := flooded(t)
		f.spend(mostOwed)
		start := time.Now()
		go func() {
			time.Sleep(time.Millisecond)
			f.Close()
		}()
		if _, err := f.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
