package tokens

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	cacheShards = 16
	cacheSize   = 65536 // entries in all
	generation  = cacheSize / cacheShards / 2
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

// slot is where a key's entry is, found faster than by the key itself. Two keys
// with one slot displace each other; the entry's key is compared in full.
func (k *key) slot() uint64 {
	return binary.LittleEndian.Uint64(k.sum[8:]) ^ uint64(k.form)<<8 ^ uint64(len(k.place))
}

// entry is what a value holds: usually one token, none for an empty scheme.
type entry struct {
	key    key
	tokens []*Token
	until  int64 // Unix seconds of the earliest exp, 0 for none
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
type cache struct {
	aead   cipher.AEAD
	nonce  [12]byte
	shards [cacheShards]shard
	began  time.Time // with a monotonic reading, by which the age of entries is told
	second int64     // began in Unix seconds, rounded up: an entry may go early, never late
	hits   atomic.Uint64
	misses atomic.Uint64
}

// shard has two generations: when the young one is full it becomes the old
// one, and what is not asked for again before that repeats is forgotten.
type shard struct {
	mu         sync.Mutex
	young, old map[uint64]entry
}

func newCache() (*cache, error) {
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
	began := time.Now()
	return &cache{aead: aead, began: began, second: began.Unix() + 1}, nil
}

// now returns Unix seconds. Since asks one clock and Now asks two.
func (c *cache) now() int64 { return c.second + int64(time.Since(c.began)/time.Second) }

// sum writes the hash of raw to dst, which is on the heap already.
func (c *cache) sum(dst *sum, raw string) {
	// The octets of raw are read and not kept: no copy is needed to look at
	// them as a slice.
	octets := unsafe.Slice(unsafe.StringData(raw), len(raw))
	c.aead.Seal(dst[:0], c.nonce[:], nil, octets)
}

// get returns what was read of a value, unless a token in it has expired.
func (c *cache) get(k *key) ([]*Token, bool) {
	s := &c.shards[k.sum[0]%cacheShards]
	slot := k.slot()
	s.mu.Lock()
	e, ok := s.young[slot]
	if !ok {
		if e, ok = s.old[slot]; ok {
			s.put(slot, e)
		}
	}
	s.mu.Unlock()
	if !ok || e.key != *k || e.until != 0 && c.now() >= e.until {
		c.misses.Add(1)
		return nil, false
	}
	c.hits.Add(1)
	return e.tokens, true
}

// put remembers what was read of a value until the first token in it expires.
func (c *cache) put(k *key, tokens []*Token) {
	e := entry{key: *k, tokens: tokens}
	for _, t := range tokens {
		if exp := t.Expires.Unix(); !t.Expires.IsZero() && (e.until == 0 || exp < e.until) {
			e.until = exp
		}
	}
	if e.until != 0 && c.now() >= e.until {
		return
	}
	s := &c.shards[k.sum[0]%cacheShards]
	s.mu.Lock()
	s.put(k.slot(), e)
	s.mu.Unlock()
}

func (s *shard) put(slot uint64, e entry) {
	if s.young == nil || len(s.young) >= generation {
		s.old, s.young = s.young, make(map[uint64]entry)
	}
	s.young[slot] = e
}

// len returns how many entries there are; one that was asked for again may be
// counted in both generations.
func (c *cache) len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}
