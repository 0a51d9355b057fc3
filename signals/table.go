package signals

import "time"

// A table remembers up to limit things; when it is full, the one that was not
// asked for the longest makes room.
type table[K comparable, V any] struct {
	limit     int
	known     map[K]*entry[K, V]
	newest    *entry[K, V] // a ring: its next is the oldest
	forgotten uint64       // that made room before their window was over
}

type entry[K comparable, V any] struct {
	key        K
	value      V
	seen       time.Duration
	next, prev *entry[K, V] // towards newer, towards older
}

// get returns what is known of key without taking note of it; nil if nothing.
func (t *table[K, V]) get(key K) *V {
	if e, ok := t.known[key]; ok {
		return &e.value
	}
	return nil
}

// of returns what is known of key, which is the newest from now on.
func (t *table[K, V]) of(key K, now, window time.Duration) *V {
	e, ok := t.known[key]
	switch {
	case ok && e == t.newest:
		e.seen = now
		return &e.value
	case ok:
		t.take(e)
	case len(t.known) >= t.limit:
		old := t.newest.next
		if now-old.seen <= window {
			t.forgotten++
		}
		delete(t.known, old.key)
		t.take(old)
		e = &entry[K, V]{key: key}
	default:
		e = &entry[K, V]{key: key}
	}
	if t.known == nil {
		t.known = map[K]*entry[K, V]{}
	}
	t.known[key], e.seen = e, now
	t.put(e)
	return &e.value
}

// take removes e from the ring.
func (t *table[K, V]) take(e *entry[K, V]) {
	if t.newest == e {
		t.newest = e.prev
	}
	if e.next == e {
		t.newest = nil
	}
	e.prev.next, e.next.prev = e.next, e.prev
}

// put makes e the newest.
func (t *table[K, V]) put(e *entry[K, V]) {
	if t.newest == nil {
		e.next, e.prev = e, e
	} else {
		e.prev, e.next = t.newest, t.newest.next
		e.prev.next, e.next.prev = e, e
	}
	t.newest = e
}
