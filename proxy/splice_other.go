//go:build !linux

package proxy

import "net"

func move(to, from net.Conn, moved func(int64)) error { return copyBytes(to, from, moved) }
