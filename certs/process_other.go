//go:build !linux

package certs

// HardenProcess does nothing: only Linux is asked to keep core dumps from
// being written. Elsewhere that is the service manager's setting.
func HardenProcess() error { return nil }
