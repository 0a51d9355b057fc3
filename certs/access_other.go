//go:build !unix

package certs

import "io/fs"

// checkAccess accepts everything: mode bits and user numbers say nothing here.
// The state directory's access control list is the administrator's to set.
func checkAccess(string, string, fs.FileInfo, fs.FileMode) error { return nil }

// syncDir does nothing: directories cannot be flushed here.
func syncDir(string) error { return nil }
