package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipes are kernel pipes that bytes pass through. A tunnel holds one only
// while bytes move: Go's own io.Copy keeps a 1 MiB pipe in each direction for
// as long as the connection lives, which exhausts pipe-user-pages-soft after
// 32 idle tunnels of an unprivileged process (golang internal/poll/splice_linux.go)
// and then is slower than copying.
var pipes = make(chan pipe, 256)

type pipe struct{ r, w int }

const (
	pipeSize  = 256 << 10
	spliceMax = 1 << 20
)

func takePipe() (pipe, error) {
	select {
	case p := <-pipes:
		return p, nil
	default:
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err
	}
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize)
	return pipe{fds[0], fds[1]}, nil
}

// giveBack takes an empty pipe; one that still holds bytes must be closed.
func (p pipe) giveBack() {
	select {
	case pipes <- p:
	default:
		p.close()
	}
}

func (p pipe) close() {
	unix.Close(p.r)
	unix.Close(p.w)
}

// move copies from one connection to the other until from ends, by splice(2)
// where both are TCP: the bytes never leave the kernel.
func move(to, from net.Conn, moved func(int64)) error {
	dst, ok := to.(*net.TCPConn)
	src, ok2 := from.(*net.TCPConn)
	if !ok || !ok2 {
		return copyBytes(to, from, moved)
	}
	in, err := src.SyscallConn()
	if err != nil {
		return err
	}
	out, err := dst.SyscallConn()
	if err != nil {
		return err
	}
	for {
		p, n, err := fill(in)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			return copyBytes(to, from, moved)
		}
		if err != nil || n == 0 {
			return err
		}
		if err := p.drain(out, n); err != nil {
			p.close()
			return err
		}
		p.giveBack()
		moved(n)
	}
}

// fill waits for bytes and moves them into a pipe. It returns 0 at the end of
// the stream, without a pipe.
func fill(in syscall.RawConn) (p pipe, n int64, err error) {
	var failed error
	err = in.Read(func(fd uintptr) bool {
		if p, failed = takePipe(); failed != nil {
			return true
		}
		n, failed = splice(int(fd), p.w, spliceMax)
		if n > 0 {
			return true
		}
		p.giveBack()
		return failed != unix.EAGAIN
	})
	if err != nil {
		return pipe{}, 0, err
	}
	if failed != nil {
		return pipe{}, 0, wrap("read", failed)
	}
	return p, n, nil
}

// drain moves n bytes out of the pipe.
func (p pipe) drain(out syscall.RawConn, n int64) error {
	var failed error
	err := out.Write(func(fd uintptr) bool {
		for n > 0 {
			var m int64
			m, failed = splice(p.r, int(fd), int(n))
			n -= max(m, 0)
			if failed != nil {
				return failed != unix.EAGAIN
			}
			if m == 0 {
				failed = io.ErrShortWrite
				return true
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return wrap("write", failed)
}

func splice(from, to, n int) (int64, error) {
	for {
		m, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return m, err
		}
	}
}

func wrap(op string, err error) error {
	if err == nil || errors.Is(err, io.ErrShortWrite) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError("splice", err)}
}
