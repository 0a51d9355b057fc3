//go:build !linux

package main

func isTransparent(int) bool { return false }

// favour does nothing: only Linux can be told.
func favour(int) error { return nil }
