package memory

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// Tune sets the collector's pace and its limit unless the environment
// does, and says where the limit comes from. It is a soft one: towards it the
// collector works harder, and the proxy turns clients away before it is reached.
func Tune() (limit string) {
	if os.Getenv("GOGC") == "" {
		Pace()
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return "GOMEMLIMIT"
	}
	n, of := limitOf(os.DirFS("/"))
	if n == 0 {
		return "none"
	}
	debug.SetMemoryLimit(n)
	return fmt.Sprintf("%d MiB, by the %s", n>>20, of)
}

// limitOf is half of the machine's memory, or three quarters of what the
// control group may have where that is less: the rest is for what the kernel
// keeps for connections and files. It is 0 where neither is known.
func limitOf(root fs.FS) (limit int64, of string) {
	if total := machineMemory(root); total > 0 {
		limit, of = total/2, "machine"
	}
	if most := groupMemory(root); most > 0 && (limit == 0 || most/4*3 < limit) {
		limit, of = most/4*3, "control group"
	}
	return limit, of
}

// machineMemory reads proc_meminfo(5).
func machineMemory(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			n, _ := strconv.ParseInt(f[1], 10, 50)
			return n << 10
		}
	}
	return 0
}

// groupMemory is the least that the control group of this process, or one
// above it, may have: cgroups(7), of either version.
func groupMemory(root fs.FS) (least int64) {
	text, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		top, file := "sys/fs/cgroup", "memory.max"
		switch f[1] {
		case "":
		case "memory":
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			text, _ := fs.ReadFile(root, path.Join(top, dir, file))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}
