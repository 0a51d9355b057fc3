package memory

import (
	"os"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestMemoryLimitIsAShareOfWhatThereIs(t *testing.T) {
	const machine = "MemTotal:       8388608 kB\nMemFree:  12 kB\n" // 8 GiB
	tests := []struct {
		title string
		files map[string]string
		want  int64 // MiB
		of    string
	}{
		{"nothing is known", nil, 0, ""},
		{"a machine", map[string]string{"proc/meminfo": machine}, 4096, "machine"},
		{"a group", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/tenantgate.service\n",
			"sys/fs/cgroup/system.slice/tenantgate.service/memory.max": "1073741824\n",
		}, 768, "control group"},
		{"a group above it", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "536870912\n",
		}, 384, "control group"},
		{"a container that sees its own group alone", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n",
		}, 192, "control group"},
		{"a container that is told the host's path", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "12:cpu:/x\n5:memory:/docker/1f\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
		}, 192, "control group"},
		{"a group without a limit, version 1", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "5:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 4096, "machine"},
		{"a group larger than the machine", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "68719476736\n",
		}, 4096, "machine"},
		{"nonsense", map[string]string{
			"proc/meminfo": "MemTotal: many kB\n", "proc/self/cgroup": "0\n::\n0::../../..\n", "sys/fs/cgroup/memory.max": "-1\n",
		}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, of := limitOf(root)
			if got>>20 != tt.want || got > 0 && of != tt.of {
				t.Errorf("%d MiB of the %s, want %d of the %s", got>>20, of, tt.want, tt.of)
			}
		})
	}
}

func TestMemoryLimitIsTheEnvironmentsWhereThatHasOne(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	percent := debug.SetGCPercent(100)
	defer func() { debug.SetMemoryLimit(before); debug.SetGCPercent(percent) }()
	t.Setenv("GOMEMLIMIT", "1GiB")
	if said := Tune(); said != "GOMEMLIMIT" || debug.SetMemoryLimit(-1) != before {
		t.Errorf("%q, and the limit went from %d to %d", said, before, debug.SetMemoryLimit(-1))
	}
	t.Setenv("GOMEMLIMIT", "")
	want, _ := limitOf(os.DirFS("/"))
	if said := Tune(); want > 0 && (debug.SetMemoryLimit(-1) != want || said == "none") {
		t.Errorf("%q, and the limit is %d, want %d", said, debug.SetMemoryLimit(-1), want)
	}
}
