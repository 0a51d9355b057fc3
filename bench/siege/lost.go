package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// lost is what this machine did not do in a window: shares of a processor that
// its host gave to others, and of the time in which a process stood waiting
// for the disk.
type lost struct{ stolen, waited float64 }

// tooMuch tells that a window says more of the machine than of the proxy.
func (l lost) tooMuch() bool { return l.stolen > disturbed || l.waited > disturbed }

// losing begins a window; what it returns ends it.
func losing() func() lost {
	start, s, w := time.Now(), stolen(), waited()
	return func() lost {
		all := time.Since(start).Seconds()
		return lost{(stolen() - s).Seconds() / all, (waited() - w).Seconds() / all}
	}
}

// waited is for how long at least one process stood waiting for the disk since
// the machine started; 0 where nobody tells (Documentation/accounting/psi.rst
// of Linux).
func waited() time.Duration {
	text, _ := os.ReadFile("/proc/pressure/io")
	some, _, _ := strings.Cut(string(text), "\n")
	_, total, _ := strings.Cut(some, "total=")
	us, _ := strconv.Atoi(total)
	return time.Duration(us) * time.Microsecond
}

// stolen is for how long processors of this machine were given to others by
// its host while they were wanted, since it started; 0 where nobody tells
// (proc_stat(5)).
func stolen() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	sum, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(sum)
	if len(fields) < 9 {
		return 0
	}
	ticks, _ := strconv.Atoi(fields[8])
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ
}
