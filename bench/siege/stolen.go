package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

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
