package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
)

// evidence looks at what the proxy has written: which of the events that
// refusals named are there, and how many lines hold a raw credential.
func (s *stand) evidence(named []string) (found, lines, raw int, err error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "state/events/events*.jsonl*"))
	if err != nil {
		return 0, 0, 0, err
	}
	missing := map[string]bool{}
	for _, id := range named {
		missing[id] = true
	}
	all := len(missing)
	for _, file := range append(files, filepath.Join(s.dir, "log")) {
		f, err := os.Open(file)
		if err != nil {
			return 0, 0, 0, err
		}
		text := bufio.NewScanner(f)
		text.Buffer(nil, 1<<20)
		for text.Scan() {
			lines++
			if bytes.Contains(text.Bytes(), []byte(marker)) || bytes.Contains(text.Bytes(), []byte(s.home)) {
				raw++
			}
			if _, rest, ok := bytes.Cut(text.Bytes(), []byte(`"event":{"id":"`)); ok {
				id, _, _ := bytes.Cut(rest, []byte(`"`))
				delete(missing, string(id))
			}
		}
		f.Close()
		if err := text.Err(); err != nil {
			return 0, 0, 0, err
		}
	}
	return all - len(missing), lines, raw, nil
}
