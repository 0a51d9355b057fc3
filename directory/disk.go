package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// disk keeps answers over a restart. It is a cache: that it cannot be read or
// written costs questions, never an answer.
type disk struct {
	dir string // empty: nothing is kept

	mu    sync.Mutex
	err   error     // of the last read or write
	dirty bool      // there are answers that are not on disk
	at    time.Time // of the last write
}

// saved is one answer on disk.
type saved struct {
	Kind   string    `json:"kind"` // domain, host or subscription
	Name   string    `json:"name"`
	Tenant string    `json:"tenant"`
	At     time.Time `json:"at"`
}

var kindNames = map[kind]string{domainKind: "domain", hostKind: "host", subscriptionKind: "subscription"}

// maxDisk is the largest file that is read back, in octets.
const maxDisk = 16 << 20

// openDisk makes dir. One that others may write to is refused: an answer in
// it could make an external tenant ours.
func openDisk(dir string) (*disk, error) {
	if dir == "" {
		return &disk{}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory cache: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("make directory cache: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("directory cache %s may be written by others: its mode is %#o, want 0700", dir, info.Mode().Perm())
	}
	return &disk{dir: dir}, nil
}

func (d *disk) file() string { return filepath.Join(d.dir, "answers.json") }

// Err returns why the cache on disk could not be read or written last time,
// nil if it could.
func (d *Directory) Err() error {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	return d.disk.err
}

// load takes what is on disk, each answer checked as if it came from outside.
func (d *Directory) load() {
	if d.disk.dir == "" {
		return
	}
	all, err := d.disk.read()
	d.disk.err = err
	now := d.now()
	for _, s := range all {
		k, ok := s.key()
		tenant, isGUID := guid(s.Tenant)
		if !ok || !isGUID || s.At.After(now) || now.Sub(s.At) >= longestLife || len(d.entries) >= maxEntries {
			continue
		}
		d.entries[k] = entry{Tenant: tenant, Source: sourceOf(k), At: s.At, retry: s.At.Add(d.ttl)}
	}
}

func (s saved) key() (key, bool) {
	for k, name := range kindNames {
		if name != s.Kind {
			continue
		}
		if id, ok := guid(s.Name); ok {
			return key{k, id}, k != hostKind
		}
		n, err := hosts.Parse(s.Name)
		return key{k, string(n)}, err == nil && k != subscriptionKind
	}
	return key{}, false
}

func (d *disk) read() ([]saved, error) {
	f, err := os.Open(d.file())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read directory cache: %w", err)
	}
	defer f.Close()
	var all []saved
	if err := json.NewDecoder(io.LimitReader(f, maxDisk)).Decode(&all); err != nil {
		return nil, fmt.Errorf("read directory cache: %w", err)
	}
	return all, nil
}

// A large cache is written at most this often: what a crash loses is asked
// for again.
const (
	saveEvery = 10 * time.Second
	largeDisk = 1000
)

// keep writes what was learnt.
func (d *Directory) keep() {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.disk.dirty = d.disk.dir != ""
	d.mu.RLock()
	large := len(d.entries) > largeDisk
	d.mu.RUnlock()
	if d.disk.dirty && !(large && d.now().Sub(d.disk.at) < saveEvery) {
		d.save()
	}
}

// Close writes what is not on disk yet. The Directory still answers afterwards.
func (d *Directory) Close() error {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if d.disk.dirty {
		d.save()
	}
	return d.disk.err
}

// save writes every answer that names a tenant. d.disk.mu is held.
func (d *Directory) save() {
	d.mu.RLock()
	all := make([]saved, 0, len(d.entries))
	for k, e := range d.entries {
		if e.Tenant != "" {
			all = append(all, saved{kindNames[k.Kind], k.Name, e.Tenant, e.At})
		}
	}
	d.mu.RUnlock()
	d.disk.at = d.now()
	d.disk.err = d.disk.write(all)
	d.disk.dirty = d.disk.err != nil
}

// write replaces the file: a reader sees the old one or the new one, also
// after a crash.
func (d *disk) write(all []saved) error {
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("write directory cache: %w", err)
	}
	f, err := os.CreateTemp(d.dir, "answers-*.tmp") // 0600
	if err != nil {
		return fmt.Errorf("write directory cache: %w", err)
	}
	_, writeErr := f.Write(b)
	err = errors.Join(writeErr, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.file())
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write directory cache: %w", err)
	}
	return nil
}
