package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// equivalents are the mutants that nobody can tell from the original.
type equivalents struct {
	reasons map[string]string
	mu      sync.Mutex
	met     map[string]bool
}

// readEquivalents reads lines "key => reason"; # starts a comment.
func readEquivalents(file string) (*equivalents, error) {
	e := &equivalents{reasons: map[string]string{}, met: map[string]bool{}}
	if file == "" {
		return e, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, reason, ok := strings.Cut(line, " => ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s: no reason: %s", file, line)
		}
		e.reasons[key] = reason
	}
	return e, nil
}

// has tells whether m is one of them.
func (e *equivalents) has(m *mutant) bool {
	_, ok := e.reasons[m.key()]
	if ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.met[m.key()] = true
	}
	return ok
}

// unused names lines of a package that no mutant has: the text that they speak
// of is gone.
func (e *equivalents) unused(pkg string) error {
	var all []error
	for key := range e.reasons {
		if strings.HasPrefix(key, pkg+"/") && !e.met[key] {
			all = append(all, fmt.Errorf("no such mutant: %s", key))
		}
	}
	return errors.Join(all...)
}
