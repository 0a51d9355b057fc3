package judge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/metrics"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"
)

// The bounds of a file and of one answer. Chromium takes no file of 1 MB and
// more; the others are ours.
const (
	MaxSize   = 1 << 20
	maxNested = 500
	maxCalls  = 2000
	maxMemory = 512 << 20
	patience  = 2 * time.Second
)

// What can be wrong with a file as a whole.
var (
	ErrTooLarge   = errors.New("the file is larger than clients take")
	ErrSyntax     = errors.New("the file does not parse")
	ErrNoFunction = errors.New("the file has no function FindProxyForURL")
	ErrThrows     = errors.New("the file fails")
	ErrEndless    = errors.New("the file does not come to an end")
)

// File is a PAC file that was loaded, in a world of given facts. It is not
// safe for concurrent use.
type File struct {
	vm     *goja.Runtime
	find   goja.Callable
	facts  Facts
	learnt learnt
	notes  []string // what the file said with alert
	dead   bool     // it did not come to an end, and may still run
}

// Load reads a PAC file and runs it as far as its functions. The errors wrap
// those of this package.
func Load(src []byte, facts Facts) (*File, error) {
	program, err := parse(src)
	if err != nil {
		return nil, err
	}
	return load(program, facts, "FindProxyForURL")
}

func parse(src []byte) (*ast.Program, error) {
	if len(src) >= MaxSize {
		return nil, fmt.Errorf("%w: %d octets", ErrTooLarge, len(src))
	}
	if nested(src) > maxNested {
		return nil, fmt.Errorf("%w: brackets in brackets, more than %d deep", ErrSyntax, maxNested)
	}
	// A source map is a file that the script names: it is not read.
	program, err := goja.Parse("", string(src), parser.WithDisableSourceMaps)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSyntax, err)
	}
	return program, nil
}

// nested returns the depth of brackets; those in strings count too.
func nested(src []byte) int {
	depth, most := 0, 0
	for _, c := range src {
		switch c {
		case '(', '[', '{':
			depth++
			most = max(most, depth)
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return most
}

func load(program *ast.Program, facts Facts, name string) (*File, error) {
	code, err := goja.CompileAST(program, false)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSyntax, err)
	}
	f := &File{vm: goja.New(), facts: facts, learnt: learnt{dns: map[string]bool{}}}
	f.vm.SetMaxCallStackSize(maxCalls)
	f.vm.SetTimeSource(func() time.Time { f.learnt.clock = true; return f.facts.now() })
	numbers := rand.New(rand.NewPCG(1, 2))
	f.vm.SetRandSource(func() float64 { f.learnt.random = true; return numbers.Float64() })
	if err := f.define(); err != nil {
		return nil, err
	}
	if err := f.bounded(func() error { _, err := f.vm.RunProgram(code); return err }); err != nil {
		return nil, err
	}
	find, ok := goja.AssertFunction(f.vm.Get(name))
	if !ok {
		return nil, ErrNoFunction
	}
	f.find = find
	return f, nil
}

// ask calls the function as a client does.
func (f *File) ask(url, host string) (Answer, bool, error) {
	var value goja.Value
	err := f.bounded(func() (err error) {
		value, err = f.find(goja.Undefined(), f.vm.ToValue(url), f.vm.ToValue(host))
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if value == nil || goja.IsNull(value) || goja.IsUndefined(value) {
		a, _ := parseAnswer("")
		return a, true, nil
	}
	text, ok := value.Export().(string)
	if !ok {
		return nil, false, fmt.Errorf("%w: it returned no text", ErrThrows)
	}
	a, understood := parseAnswer(text)
	return a, understood, nil
}

// bounded runs a part of the file. What neither ends nor lets itself be
// interrupted (a regular expression) is given up, and the file with it.
func (f *File) bounded(run func() error) error {
	if f.dead {
		return ErrEndless
	}
	f.vm.ClearInterrupt()
	done := make(chan error, 1)
	go func() { done <- protect(run) }()
	end := time.NewTimer(patience)
	defer end.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return explain(err)
		case <-look.C:
			if heap() > maxMemory {
				f.vm.Interrupt("memory")
			}
			continue
		case <-end.C:
			f.vm.Interrupt("time")
		}
		select {
		case err := <-done:
			return explain(err)
		case <-time.After(patience):
			f.dead = true
			return ErrEndless
		}
	}
}

// protect turns a panic of the engine into an error: the script is anybody's.
func protect(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrThrows, p)
		}
	}()
	return run()
}

func explain(err error) error {
	if err == nil || errors.Is(err, ErrThrows) {
		return err
	}
	if _, ok := errors.AsType[*goja.InterruptedError](err); ok {
		return ErrEndless
	}
	if _, ok := errors.AsType[*goja.StackOverflowError](err); ok {
		return fmt.Errorf("%w: it calls itself without an end", ErrEndless)
	}
	if e, ok := errors.AsType[*goja.Exception](err); ok {
		return fmt.Errorf("%w: %s", ErrThrows, cut(e.Value().String()))
	}
	return fmt.Errorf("%w: %v", ErrThrows, err)
}

// cut shortens a text that a script made.
func cut(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return fmt.Sprintf("%q", s)
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// note remembers that the file compared an address with a network.
func (l *learnt) note(p netip.Prefix) {
	for _, q := range l.nets {
		if p == q {
			return
		}
	}
	if len(l.nets) < 1000 {
		l.nets = append(l.nets, p)
	}
}
