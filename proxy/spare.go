package proxy

import (
	"os"
	"runtime"
	"sync"
	"time"
)

// calmAfter is how long nobody has rushed when the spare processors go.
const calmAfter = 10 * time.Second

// spare is processors of Go's beyond the machine's, for as long as clients rush.
//
// Go looks for what the network brought when one of its processors has nothing
// to run, or else each 10 ms. In a rush all have, and whoever waits for a byte
// waits for that too, at each of its steps. One more than the machine has waits
// in epoll_wait(2) instead, and the kernel, which lets whoever sleeps go first,
// wakes it as soon as the byte is there. That costs a twentieth of a request in
// threads that take turns, so it is not always so.
type spare struct {
	mu     sync.Mutex
	there  int       // processors of Go's before; 0: there are none to spare
	rushed time.Time // last
}

// spares are the process's: so are Go's processors.
var spares spare

// rush says that clients rush now. Where fewer processors were given to the
// process than the machine has, by its control group or by GOMAXPROCS, it keeps
// to them.
func (s *spare) rush(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rushed = now
	if n := runtime.GOMAXPROCS(0); s.there == 0 && n == runtime.NumCPU() {
		s.there = n
		runtime.GOMAXPROCS(2 * n)
		time.AfterFunc(calmAfter, s.calm)
	}
}

// calm gives the spare ones back, unless there was a rush of late.
func (s *spare) calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest := calmAfter - time.Since(s.rushed); rest > 0 {
		time.AfterFunc(rest, s.calm)
		return
	}
	if os.Getenv("GOMAXPROCS") != "" {
		runtime.GOMAXPROCS(s.there)
	} else {
		runtime.SetDefaultGOMAXPROCS() // and Go follows the control group again
	}
	s.there = 0
}

// processors is how many Go has, without the spare ones.
func (s *spare) processors() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.there > 0 {
		return s.there
	}
	return runtime.GOMAXPROCS(0)
}
