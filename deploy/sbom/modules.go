package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A cache is what the go command knows of the modules around us.
type cache struct {
	root  string              // of the main module
	dirs  map[string]string   // where each module's files are, by path
	needs map[string][]string // what each module asks for, by path
}

func openCache() (*cache, error) {
	c := &cache{dirs: map[string]string{}, needs: map[string][]string{}}
	list, err := lines("list", "-m", "-f", "{{.Path}}\t{{.Dir}}\t{{.Indirect}}", "all")
	if err != nil {
		return nil, err
	}
	var main string
	indirect := map[string]bool{}
	for i, line := range list {
		cells := strings.Split(line, "\t")
		path, dir := cells[0], cells[1]
		c.dirs[path], indirect[path] = dir, cells[2] == "true"
		if i == 0 { // the main module comes first (go help list)
			main, c.root = path, dir
		}
	}
	graph, err := lines("mod", "graph")
	if err != nil {
		return nil, err
	}
	for _, line := range graph {
		from, to, _ := strings.Cut(line, " ")
		from, _, _ = strings.Cut(from, "@")
		to, _, _ = strings.Cut(to, "@")
		if from != main || !indirect[to] {
			c.needs[from] = append(c.needs[from], to)
		}
	}
	return c, nil
}

// lines are what the go command prints.
func lines(args ...string) ([]string, error) {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// edges tell who brought whom. What no module in the binary asks for, as far as
// go.mod files tell, is ours.
func edges(known *cache, main cdx.Component, inside []cdx.Component) *[]cdx.Dependency {
	refs := map[string]string{}
	for _, c := range inside {
		refs[c.Name] = c.BOMRef
	}
	std, asked := refs["std"], map[string]bool{}
	all := []cdx.Dependency{}
	of := func(ref, path string) {
		on := []string{std}
		for _, need := range known.needs[path] {
			if to := refs[need]; to != "" && !slices.Contains(on, to) {
				on, asked[to] = append(on, to), true
			}
		}
		slices.Sort(on)
		all = append(all, cdx.Dependency{Ref: ref, Dependencies: &on})
	}
	for _, c := range inside {
		if c.Name != "std" {
			of(c.BOMRef, c.Name)
		}
	}
	path := strings.TrimSuffix(strings.TrimPrefix(main.BOMRef, "pkg:golang/"), "@"+main.Version)
	of(main.BOMRef, path)
	last := all[len(all)-1].Dependencies
	for _, c := range inside {
		if c.Name != "std" && !asked[c.BOMRef] {
			*last = append(*last, c.BOMRef)
		}
	}
	all = append(all, cdx.Dependency{Ref: std})
	return &all
}
