package tokens

import (
	"sync/atomic"
	"time"
)

// clock tells Unix seconds, and asks the system once a second at most: to ask
// costs as much as a look into the cache. What it says is never early by more
// than two seconds and late only if the machine wakes a timer a second late. It
// says when an entry is read anew, and nothing is allowed or refused by it.
type clock struct {
	second atomic.Int64 // 0: ask
	forget *time.Timer  // runs only where somebody has asked
}

func newClock() *clock {
	c := &clock{}
	c.forget = time.AfterFunc(time.Hour, func() { c.second.Store(0) })
	c.forget.Stop()
	return c
}

func (c *clock) now() int64 {
	if s := c.second.Load(); s != 0 {
		return s
	}
	s := time.Now().Unix() + 2 // rounded down, and a second old at the end
	c.second.Store(s)
	c.forget.Reset(time.Second)
	return s
}
