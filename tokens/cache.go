package tokens

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"
)

const (
	cacheSets = 8192
	cacheWays = 8 // entries in a set: as many pointers as share a cache line
)

// sum stands for a credential in the cache.
type sum [16]byte

// key is one value at one place, read in one form. The tokens of an entry have
// their place in them, so that a hit allocates nothing.
type key struct {
	sum   sum
	place Place
	form  form
}

// entry is what a value holds: usually one token, none for an empty scheme.
type entry struct {
	key    key
	tokens []*Token
	until  int64       // Unix seconds of the earliest exp, 0 for none
	again  atomic.Bool // it was asked for again
}

// cache remembers what was read of a value, so that a token costs a parse once
// and not on every request. It holds claims, never a credential.
//
// A value is known by GMAC over all of it: AES-GCM with nothing to encrypt,
// the value as additional data, a random key that lives as long as the cache,
// and one fixed nonce. To reuse a nonce is fatal for GCM where an outsider
// sees the tags; here no tag ever leaves this type, and what is left is
// GHASH, an almost universal hash family: for any two values of L octets,
// chosen by somebody who does not know the key, the chance that they collide
// is at most about L/16 in 2^128 (McGrew and Viega 2004, section 5; the nonce
// only adds the same constant to both). A collision is the one way to be
// taken for another's token, and nobody can aim at one. An unkeyed or 64-bit
// hash would not do; SHA-256 costs several times as much.
//
// Entries are immutable and read without a lock: two that are put into one set
// at a time may displace each other, which costs a parse.
type cache struct {
	aead  cipher.AEAD
	nonce [12]byte
	clock *clock
	sets  []set
	count [16]counter // by sum, so that cores do not share one
}

// set is where the entries of some keys are, compared in full.
type set [cacheWays]atomic.Pointer[entry]

type counter struct {
	hits, misses atomic.Uint64
	_            [48]byte // the rest of a cache line
}

func newCache(sets int) (*cache, error) {
	k := make([]byte, 16)
	rand.Read(k) // never fails (crypto/rand, Go 1.24)
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("key the token cache: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key the token cache: %w", err)
	}
	return &cache{aead: aead, clock: newClock(), sets: make([]set, sets)}, nil
}

// sum writes the hash of raw to dst, which is on the heap already.
func (c *cache) sum(dst *sum, raw string) {
	// The octets of raw are read and not kept: no copy is needed to look at
	// them as a slice.
	octets := unsafe.Slice(unsafe.StringData(raw), len(raw))
	c.aead.Seal(dst[:0], c.nonce[:], nil, octets)
}

// at returns the set of a key; their number is a power of two.
func (c *cache) at(k *key) *set {
	return &c.sets[int(binary.LittleEndian.Uint16(k.sum[:]))&(len(c.sets)-1)]
}

// get returns what was read of a value, unless a token in it has expired.
func (c *cache) get(k *key) ([]*Token, bool) {
	s, n := c.at(k), &c.count[k.sum[2]%16]
	for i := range s {
		e := s[i].Load()
		if e == nil {
			break
		}
		if e.key != *k {
			continue
		}
		if e.until != 0 && c.clock.now() >= e.until {
			break
		}
		if !e.again.Load() {
			e.again.Store(true)
		}
		n.hits.Add(1)
		return e.tokens, true
	}
	n.misses.Add(1)
	return nil, false
}

// put remembers what was read of a value until the first token in it expires.
func (c *cache) put(k *key, tokens []*Token) {
	e := &entry{key: *k, tokens: tokens}
	for _, t := range tokens {
		if exp := t.Expires.Unix(); !t.Expires.IsZero() && (e.until == 0 || exp < e.until) {
			e.until = exp
		}
	}
	now := c.clock.now()
	if e.until != 0 && now >= e.until {
		return
	}
	c.at(k).place(k, now).Store(e)
}

// place returns where an entry goes: where one of its key is, into the first
// gap, over what has expired, over what nobody asked for again. Where all were
// asked for, one goes by chance and the others have to prove themselves anew.
func (s *set) place(k *key, now int64) *atomic.Pointer[entry] {
	var idle *atomic.Pointer[entry]
	for i := range s {
		e := s[i].Load()
		if e == nil || e.key == *k || e.until != 0 && now >= e.until {
			return &s[i]
		}
		if !e.again.Load() {
			idle = &s[i]
		}
	}
	if idle != nil {
		return idle
	}
	for i := range s {
		s[i].Load().again.Store(false)
	}
	return &s[k.sum[3]%cacheWays]
}

// stats returns how often a value was known, and how often it was not.
func (c *cache) stats() (hits, misses uint64) {
	for i := range c.count {
		hits += c.count[i].hits.Load()
		misses += c.count[i].misses.Load()
	}
	return hits, misses
}

// len returns how many entries there are.
func (c *cache) len() int {
	n := 0
	for i := range c.sets {
		for j := range c.sets[i] {
			if c.sets[i][j].Load() != nil {
				n++
			}
		}
	}
	return n
}
