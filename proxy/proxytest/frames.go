package proxytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Field is one header field as it goes on the wire, legal or not.
type Field struct{ Name, Value string }

// Stream is one HTTP/2 request as it goes on the wire.
type Stream struct {
	Fields   []Field
	Data     []byte
	Trailers []Field
}

// SendStreams speaks HTTP/2 on conn: every stream's frames are written in one
// go, then the answers are read, in the order of the streams.
func SendStreams(conn net.Conn, streams []Stream) ([]Answer, error) {
	defer conn.Close()
	var out bytes.Buffer
	out.WriteString(http2.ClientPreface)
	w := http2.NewFramer(&out, nil)
	w.AllowIllegalWrites = true
	if err := w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxAnswer}); err != nil {
		return nil, err
	}
	if err := w.WriteWindowUpdate(0, maxAnswer); err != nil {
		return nil, err
	}
	if err := w.WriteSettingsAck(); err != nil { // the server's come before it reads
		return nil, err
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i, s := range streams {
		if err := writeStream(w, enc, &block, uint32(2*i+1), s); err != nil {
			return nil, err
		}
	}
	written := make(chan error, 1)
	go func() { _, err := conn.Write(out.Bytes()); written <- err }()
	answers, err := readStreams(conn, len(streams))
	conn.Close()
	<-written
	return answers, err
}

func writeStream(w *http2.Framer, enc *hpack.Encoder, block *bytes.Buffer, id uint32, s Stream) error {
	if err := writeFields(w, enc, block, id, s.Fields, s.Data == nil && s.Trailers == nil); err != nil {
		return err
	}
	for data := s.Data; ; {
		n := min(len(data), 16<<10)
		last := n == len(data)
		if s.Data != nil {
			if err := w.WriteData(id, last && s.Trailers == nil, data[:n]); err != nil {
				return err
			}
		}
		if data = data[n:]; last {
			break
		}
	}
	if s.Trailers == nil {
		return nil
	}
	return writeFields(w, enc, block, id, s.Trailers, true)
}

func writeFields(w *http2.Framer, enc *hpack.Encoder, block *bytes.Buffer, id uint32, fields []Field, end bool) error {
	block.Reset()
	for _, f := range fields {
		if err := enc.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value}); err != nil {
			return err
		}
	}
	const size = 16 << 10
	b := block.Bytes()
	n := min(len(b), size)
	err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b[:n], EndStream: end, EndHeaders: n == len(b)})
	for b = b[n:]; err == nil && len(b) > 0; b = b[n:] {
		n = min(len(b), size)
		err = w.WriteContinuation(id, n == len(b), b[:n])
	}
	return err
}

// readStreams reads frames until every stream has ended.
func readStreams(conn net.Conn, n int) ([]Answer, error) {
	r := http2.NewFramer(nil, conn)
	r.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	answers := make([]Answer, n)
	open := n
	end := func(id uint32, why string) {
		if a := at(answers, id); a != nil && (a.Reset == "") {
			if a.Reset = why; why == "" {
				a.Reset = "ended"
			}
			open--
		}
	}
	for open > 0 {
		f, err := r.ReadFrame()
		if err != nil {
			var stream http2.StreamError
			if errors.As(err, &stream) {
				return answers, fmt.Errorf("answer that no client can read: %w", err)
			}
			for i := range answers {
				end(uint32(2*i+1), "closed: "+err.Error())
			}
			if !errors.Is(err, io.EOF) {
				return answers, ended(err)
			}
			return answers, nil
		}
		take(answers, f, end)
	}
	return answers, nil
}

func at(answers []Answer, id uint32) *Answer {
	if i := int(id / 2); id%2 == 1 && i < len(answers) {
		return &answers[i]
	}
	return nil
}

// take adds one frame to the answer it belongs to.
func take(answers []Answer, f http2.Frame, end func(uint32, string)) {
	id := f.Header().StreamID
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		if a := at(answers, id); a != nil {
			head(a, f)
		}
		if f.StreamEnded() {
			end(id, "")
		}
	case *http2.DataFrame:
		if a := at(answers, id); a != nil {
			a.Body = append(a.Body, f.Data()...)
		}
		if f.StreamEnded() {
			end(id, "")
		}
	case *http2.RSTStreamFrame:
		end(id, "reset: "+f.ErrCode.String())
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo {
			for i := range answers {
				end(uint32(2*i+1), "goaway: "+f.ErrCode.String())
			}
		}
	}
}

func head(a *Answer, f *http2.MetaHeadersFrame) {
	if a.Header == nil {
		a.Header = http.Header{}
	}
	for _, field := range f.Fields {
		if field.Name == ":status" {
			a.Status, _ = strconv.Atoi(field.Value)
			continue
		}
		a.Header.Add(field.Name, field.Value)
	}
	if a.Status >= 100 && a.Status < 200 {
		a.Status, a.Header = 0, nil
	}
}
