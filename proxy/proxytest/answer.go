package proxytest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Answer is one answer that a client got.
type Answer struct {
	Status int // 0: the connection or stream ended without one
	Header http.Header
	Body   []byte
	Reset  string // why it ended, where there is no answer
}

// Reason returns why the proxy refused; empty if it did not.
func (a Answer) Reason() string { return a.Header.Get("Tenantgate-Reason") }

// maxAnswer bounds a body that is kept.
const maxAnswer = 4 << 20

// Send writes raw bytes and reads as many answers as there are methods, then
// ends its direction and returns what else came: an answer more than expected
// is a request more than expected.
func Send(conn net.Conn, raw []byte, methods []string) ([]Answer, error) {
	written := make(chan error, 1)
	go func() { _, err := conn.Write(raw); written <- err }()
	br := bufio.NewReader(conn)
	var answers []Answer
	for i := 0; ; i++ {
		if i == len(methods) {
			if half, ok := conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite() // the other side may have closed already
			} else {
				conn.Close()
			}
		}
		method := http.MethodGet
		if i < len(methods) {
			method = methods[i]
		}
		a, err := read(br, method)
		if err != nil {
			conn.Close()
			<-written
			if i < len(methods) {
				answers = append(answers, Answer{Reset: err.Error()})
			}
			return answers, ended(err)
		}
		answers = append(answers, a)
	}
}

// ended is nil where err is how a connection ends.
func ended(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("connection hangs: %w", err)
	}
	return nil
}

func read(br *bufio.Reader, method string) (Answer, error) {
	if _, err := br.Peek(1); err != nil {
		return Answer{}, err
	}
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		return Answer{}, err
	}
	if resp.StatusCode == http.StatusContinue || resp.StatusCode == http.StatusEarlyHints {
		return read(br, method)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return Answer{Status: resp.StatusCode, Header: resp.Header}, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}
