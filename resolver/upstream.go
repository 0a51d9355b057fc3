package resolver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// upstream is a resolver that is asked for what is not restricted.
type upstream struct {
	addr netip.AddrPort
	tcp  bool // never over UDP
}

var (
	errSpelling  = errors.New("the answer spells the name in another way")
	errTruncated = errors.New("the answer did not fit")
	errForeign   = errors.New("the answer is for another question")
)

// maxStrangers is how many datagrams that answer something else are read
// before the upstream is given up.
const maxStrangers = 64

// answer asks u once: over UDP, and over TCP for what did not fit. Every
// question leaves from a port of its own, with a random number and random case
// in its name, which the answer must repeat (RFC 5452 section 9,
// draft-vixie-dnsext-dns0x20). A server that does not keep the case is asked
// over TCP, which nobody can answer from aside.
func (u upstream) answer(ctx context.Context, q *query, wait time.Duration, clock func() time.Time) (*entry, error) {
	out, err := q.upstreamQuestion()
	if err != nil {
		return nil, err
	}
	var in []byte
	if !u.tcp {
		in, err = u.udp(ctx, out, len(q.question), wait)
	}
	if u.tcp || errors.Is(err, errSpelling) || errors.Is(err, errTruncated) {
		in, err = u.streamed(ctx, out, len(q.question), wait)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", u.addr, err)
	}
	e, err := newEntry(q, in, clock())
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", u.addr, err)
	}
	return e, nil
}

// upstreamQuestion is the message that asks an upstream for what q asks. It
// starts with its length, as TCP wants it.
func (q *query) upstreamQuestion() ([]byte, error) {
	random := make([]byte, 2+len(q.question))
	if _, err := io.ReadFull(rand.Reader, random); err != nil {
		return nil, err
	}
	bits := uint16(bitRD)
	if q.cd {
		bits |= bitCD
	}
	size := headerSize + len(q.question) + 11
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+size), uint16(size))
	b = append(b, random[:2]...)
	for _, word := range []uint16{bits, 1, 0, 0, 1} {
		b = binary.BigEndian.AppendUint16(b, word)
	}
	at := len(b)
	b = append(b, q.question...)
	for i := at; b[i] != 0; i += 1 + int(b[i]) {
		for j := i + 1; j <= i+int(b[i]); j++ {
			if c := b[j] | 0x20; 'a' <= c && c <= 'z' {
				b[j] = c &^ (random[2+j-at] & 0x20)
			}
		}
	}
	asks := query{edns: true, do: q.do}
	return asks.opt(b, &reply{}), nil
}

// udp sends out, which starts with its length, and reads until the answer
// comes. Datagrams that answer anything else are somebody's guesses.
func (u upstream) udp(ctx context.Context, out []byte, question int, wait time.Duration) ([]byte, error) {
	conn, err := u.dial(ctx, "udp", wait)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(out[2:]); err != nil {
		return nil, err
	}
	in := make([]byte, 4096)
	for range maxStrangers {
		n, err := conn.Read(in)
		if err != nil {
			return nil, err
		}
		if err = matches(in[:n], out[2:], question); !errors.Is(err, errForeign) {
			return in[:n], err
		}
	}
	return nil, errForeign
}

// streamed is udp over TCP, where the case of the name need not be kept.
func (u upstream) streamed(ctx context.Context, out []byte, question int, wait time.Duration) ([]byte, error) {
	conn, err := u.dial(ctx, "tcp", wait)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(out); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	in := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, in); err != nil {
		return nil, err
	}
	if err := matches(in, out[2:], question); err != nil && !errors.Is(err, errSpelling) {
		return nil, err
	}
	return in, nil
}

// dial connects for one question, which ends after wait or with ctx.
func (u upstream) dial(ctx context.Context, network string, wait time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: wait}
	conn, err := dialer.DialContext(ctx, network, u.addr.String())
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(wait)
	if last, ok := ctx.Deadline(); ok && last.Before(end) {
		end = last
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return &dialled{conn, stop}, conn.SetDeadline(end)
}

// dialled is a connection that is closed early where its context ends.
type dialled struct {
	net.Conn
	stop func() bool
}

// Close implements net.Conn.
func (d *dialled) Close() error {
	d.stop()
	return d.Conn.Close()
}

// matches tells whether in answers out, whose question has so many octets.
func matches(in, out []byte, question int) error {
	end := headerSize + question
	if len(in) < headerSize || !bytes.Equal(in[:2], out[:2]) || in[2]&0x80 == 0 || in[2]>>3&0xF != dns.OpcodeQuery {
		return errForeign
	}
	if len(in) < end || binary.BigEndian.Uint16(in[4:]) != 1 || !sameQuestion(in[headerSize:end], out[headerSize:end]) {
		return errForeign
	}
	if !bytes.Equal(in[headerSize:end], out[headerSize:end]) {
		return errSpelling
	}
	if in[2]&(bitTC>>8) != 0 {
		return errTruncated
	}
	return nil
}
