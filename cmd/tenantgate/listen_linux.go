package main

import "golang.org/x/sys/unix"

// isTransparent tells whether a socket takes what a tproxy rule brings.
func isTransparent(fd int) bool {
	v4, _ := unix.GetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT)
	v6, _ := unix.GetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT)
	return v4 == 1 || v6 == 1
}

// favour makes the kernel give new connections to the socket fd, which has
// joined another of the same address, and none to the older one any more:
// whoever leaves can then empty its queue and close. The program of one
// instruction answers with a place in the group (socket(7),
// SO_ATTACH_REUSEPORT_CBPF): 1 is the second that came. A place that is empty,
// as it is once the older one has gone, means whoever is there.
func favour(fd int) error {
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 1}}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
