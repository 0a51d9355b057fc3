package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fate is what became of a mutant.
type fate string

// The fates.
const (
	survived   fate = "survived"
	killed     fate = "killed"
	endless    fate = "endless"   // killed: its tests had to be stopped
	unreached  fate = "unreached" // survived: no test gets to it
	equivalent fate = "equivalent"
)

// binary is the test binary that has every mutant of a package.
type binary struct {
	path, dir, work string
	tests           map[int][]*test // which get to a mutant
}

// test is one test function, and the processor time that it takes.
type test struct {
	name string
	cpu  time.Duration
}

// build compiles the edited package with its tests.
func build(ctx context.Context, p *pkg, work string) (*binary, error) {
	replaced, err := p.write(work)
	if err != nil {
		return nil, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return nil, err
	}
	list := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return nil, err
	}
	b := &binary{path: filepath.Join(work, "tests"), dir: p.dir, work: work, tests: map[int][]*test{}}
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", list, "-o", b.path, p.dir).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return b, nil
}

// command runs the binary with limits of processor time and of memory, so that
// a loop without end ends and does not take the machine with it.
func (b *binary) command(ctx context.Context, seconds int, args ...string) *exec.Cmd {
	limit := fmt.Sprintf(`ulimit -t %d; ulimit -v 4000000; exec "$0" "$@"`, seconds)
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", limit, b.path}, args...)...)
	cmd.Dir = b.dir
	cmd.WaitDelay = time.Second
	return cmd
}

// trace runs each test alone, without any mutant, and notes which it gets to.
func (b *binary) trace(ctx context.Context, workers int) error {
	out, err := b.command(ctx, 60, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return fmt.Errorf("list tests: %w", err)
	}
	var lock sync.Mutex
	var broken error
	each(strings.Fields(string(out)), workers, func(name string) {
		t, reached, err := b.alone(ctx, name)
		lock.Lock()
		defer lock.Unlock()
		broken = errors.Join(broken, err)
		for _, n := range reached {
			b.tests[n] = append(b.tests[n], t)
		}
	})
	return broken
}

// alone runs one test.
func (b *binary) alone(ctx context.Context, name string) (*test, []int, error) {
	file := filepath.Join(b.work, name+".trace")
	cmd := b.command(ctx, 600, "-test.run", "^"+name+"$")
	cmd.Env = append(os.Environ(), "MUTANT_TRACE="+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("%s fails without a mutant: %w\n%s", name, err, out)
	}
	t := &test{name, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return t, nil, nil
	}
	var reached []int
	for _, line := range bytes.Fields(text) {
		n, err := strconv.Atoi(string(line))
		if err != nil {
			return nil, nil, err
		}
		reached = append(reached, n)
	}
	return t, reached, err
}

// run decides the fate of every mutant and tells done of it.
func (b *binary) run(ctx context.Context, all []*mutant, e *equivalents, workers int, done func(*mutant)) {
	var one sync.Mutex
	each(all, workers, func(m *mutant) {
		switch tests := b.tests[m.number]; {
		case e.has(m):
			m.fate = equivalent
		case len(tests) == 0:
			m.fate = unreached
		default:
			m.fate = b.try(ctx, m, tests)
		}
		one.Lock()
		defer one.Unlock()
		done(m)
	})
}

// slower are the times by which tests go into one run or a later one.
var slower = []time.Duration{50 * time.Millisecond, 400 * time.Millisecond, time.Hour}

// try runs the tests that get to m, slow ones only if others have not killed it.
func (b *binary) try(ctx context.Context, m *mutant, tests []*test) fate {
	for _, limit := range slower {
		var some, rest []*test
		for _, t := range tests {
			if t.cpu < limit {
				some = append(some, t)
			} else {
				rest = append(rest, t)
			}
		}
		if f := b.once(ctx, m, some); f != survived {
			return f
		}
		tests = rest
	}
	return survived
}

// once runs tests on m. They have ten times the processor time that they take
// without it, so that it does not matter what else the machine does.
func (b *binary) once(ctx context.Context, m *mutant, tests []*test) fate {
	if len(tests) == 0 {
		return survived
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	var cpu time.Duration
	var names []string
	for _, t := range tests {
		cpu += t.cpu
		names = append(names, t.name)
	}
	seconds := 2 + int(10*cpu/time.Second)
	cmd := b.command(ctx, seconds, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(m.number))
	err := cmd.Run()
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	switch {
	case err == nil:
		return survived
	case ctx.Err() != nil, used >= time.Duration(seconds)*time.Second-100*time.Millisecond:
		return endless
	}
	return killed
}

// each calls f for all, workers at a time.
func each[T any](all []T, workers int, f func(T)) {
	next := make(chan T)
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for one := range next {
				f(one)
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	done.Wait()
}
