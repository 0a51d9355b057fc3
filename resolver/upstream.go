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
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// upstream is a resolver that is asked for what is not restricted. Equal values
// are one resolver.
type upstream struct {
	scheme string     // udp, which falls back to TCP; tcp, tls, https
	addr   netip.Addr // zero where host is a name
	host   string     // whom an encrypted upstream's certificate must name
	port   uint16
	path   string // of https
}

func (u upstream) encrypted() bool { return u.scheme == "tls" || u.scheme == "https" }

// String is u as the configuration has it.
func (u upstream) String() string {
	host := net.JoinHostPort(u.host, strconv.Itoa(int(u.port)))
	switch u.scheme {
	case "udp":
		return host
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.scheme + "://" + host + u.path
}

var (
	errSpelling  = errors.New("the answer spells the name in another way")
	errTruncated = errors.New("the answer did not fit")
	errForeign   = errors.New("the answer is for another question")
)

// maxStrangers is how many datagrams that answer something else are read
// before the upstream is given up.
const maxStrangers = 64

// answer asks u once, over c where u is encrypted. Otherwise it asks over UDP,
// and over TCP for what did not fit. Every question leaves from a port of its
// own, with a random number and random case in its name, which the answer must
// repeat (RFC 5452 section 9, draft-vixie-dnsext-dns0x20). A server that does
// not keep the case is asked over TCP, which nobody can answer from aside.
func (u upstream) answer(ctx context.Context, q *query, c channel, wait time.Duration, clock func() time.Time) (*entry, error) {
	out, err := q.upstreamQuestion(u.encrypted())
	if err != nil {
		return nil, err
	}
	var in message
	if c != nil {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		in, err = private(ctx, c, out, len(q.question))
	} else {
		in.octets, err = u.plain(ctx, out, len(q.question), wait)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", u, err)
	}
	e, err := newEntry(q, in.octets, clock().Add(-in.age))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", u, err)
	}
	return e, nil
}

// plain asks over UDP and TCP.
func (u upstream) plain(ctx context.Context, out []byte, question int, wait time.Duration) (in []byte, err error) {
	if u.scheme == "udp" {
		in, err = u.udp(ctx, out, question, wait)
	}
	if u.scheme == "tcp" || errors.Is(err, errSpelling) || errors.Is(err, errTruncated) {
		in, err = u.streamed(ctx, out, question, wait)
	}
	return in, err
}

// upstreamQuestion is the message that asks an upstream for what q asks. It
// starts with its length, as TCP wants it. Padded, all names of usual lengths
// look alike (RFC 7830; blocks of 128 octets, RFC 8467 section 4.1).
func (q *query) upstreamQuestion(padded bool) ([]byte, error) {
	random := make([]byte, 2+len(q.question))
	if _, err := io.ReadFull(rand.Reader, random); err != nil {
		return nil, err
	}
	bits := uint16(bitRD)
	if q.cd {
		bits |= bitCD
	}
	b := append(make([]byte, 2, 512), random[:2]...)
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
	if b = asks.opt(b, &reply{}); padded {
		b = pad(b)
	}
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	return b, nil
}

// pad fills b, a length and a message that ends with an OPT record without
// options, up to whole blocks.
func pad(b []byte) []byte {
	const block, option = 128, 4
	n := (block - (len(b)-2+option)%block) % block
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(option+n))
	b = binary.BigEndian.AppendUint16(b, dns.EDNS0PADDING)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	return append(b, make([]byte, n)...)
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
	in, err := readMessage(conn)
	if err != nil {
		return nil, err
	}
	return in, matchesStream(in, out, question)
}

// readMessage reads a message behind its length (RFC 1035 section 4.2.2).
func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	in := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, in)
	return in, err
}

// matchesStream is matches where the case of the name need not be kept; out
// starts with its length.
func matchesStream(in, out []byte, question int) error {
	if err := matches(in, out[2:], question); !errors.Is(err, errSpelling) {
		return err
	}
	return nil
}

// dial connects for one question, which ends after wait or with ctx.
func (u upstream) dial(ctx context.Context, network string, wait time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: wait}
	conn, err := dialer.DialContext(ctx, network, netip.AddrPortFrom(u.addr, u.port).String())
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
