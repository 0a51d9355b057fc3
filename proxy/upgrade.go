package proxy

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/tenantgate/tenantgate/policy"
)

// switchProtocols turns a valid 101 into a pipe. Anything else that claims to
// switch is an origin that cannot be trusted with a blind pipe: 502.
func (x *exchange) switchProtocols(resp *http.Response) {
	origin, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || !upgradesToWebSocket(x.out) || !acceptsWebSocket(x.out, resp) {
		resp.Body.Close()
		x.why, x.status = "invalid upgrade", http.StatusBadGateway
		refusal{Reason: policy.OriginUnreachable, Event: x.reference(), Host: string(x.host), request: x.in}.write(x.w)
		return
	}
	defer origin.Close()
	x.server.conns.begin() // a hijacked connection is nobody's in net/http: Shutdown would not wait for it
	defer x.server.conns.end()
	conn, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.why = "cannot switch"
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	x.server.open.add(conn)
	defer x.server.open.remove(conn)
	_ = conn.SetDeadline(time.Time{})
	resp.Body = nil // Write sends the head alone
	cleanAnswer(resp.Header)
	resp.Header["Connection"], resp.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	if err := resp.Write(rw); err != nil || rw.Flush() != nil {
		x.why = "client aborted"
		return
	}
	x.pipe(conn, rw.Reader, origin)
}

// acceptsWebSocket tells whether resp is the answer of RFC 6455, 4.2.2, to r.
func acceptsWebSocket(r *http.Request, resp *http.Response) bool {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return httpguts.HeaderValuesContainsToken(resp.Header["Connection"], "upgrade") &&
		len(resp.Header["Upgrade"]) == 1 && strings.EqualFold(resp.Header["Upgrade"][0], "websocket") &&
		resp.Header.Get("Sec-WebSocket-Accept") == base64.StdEncoding.EncodeToString(sum[:])
}

// pipe moves bytes both ways until both directions have ended, or nothing has
// moved for the idle time.
func (x *exchange) pipe(client net.Conn, clientBytes *bufio.Reader, origin io.ReadWriteCloser) {
	idle := x.server.idleTimeout()
	end := func() { client.Close(); origin.Close() }
	watch := time.AfterFunc(idle, end)
	defer watch.Stop()
	var up, down int64
	var both sync.WaitGroup
	both.Go(func() {
		err := copyBytes(origin, clientBytes, func(n int64) { up += n; watch.Reset(idle); x.inTurn() })
		x.half(origin, err, end)
	})
	both.Go(func() {
		err := copyBytes(client, origin, func(n int64) { down += n; watch.Reset(idle); x.inTurn() })
		x.half(client, err, end)
	})
	both.Wait()
	x.sent, x.why = down, "websocket ended"
	x.uploaded = up
}

// half passes the end of one direction on as a half close, where the other
// side can hear one; the other direction then has its drain time.
func (x *exchange) half(to any, err error, end func()) {
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || errors.Is(half.CloseWrite(), net.ErrClosed) {
		end()
		return
	}
	time.AfterFunc(x.server.drainTimeout(), end)
}
