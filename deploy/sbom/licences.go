package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// texts tell a licence by what only it says.
var texts = []struct {
	id   string
	says []string
}{
	{"Apache-2.0", []string{"apache license version 2.0"}},
	{"MPL-2.0", []string{"mozilla public license version 2.0"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy"}},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms"}},
}

// licencesIn are those whose texts are in the licence files of dir; nil if none
// can be told. Several are all that apply to some part.
func licencesIn(dir string) *cdx.Licenses {
	if dir == "" {
		return nil
	}
	var ids []string
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil {
				ids = append(ids, licencesOf(string(text))...)
			}
		}
	}
	slices.Sort(ids)
	var all cdx.Licenses
	for _, id := range slices.Compact(ids) {
		all = append(all, cdx.LicenseChoice{License: &cdx.License{ID: id}})
	}
	if all == nil {
		return nil
	}
	return &all
}

func licencesOf(text string) (ids []string) {
	text = strings.ToLower(strings.Join(strings.Fields(strings.NewReplacer(",", ", ", "*", " ", "#", " ").Replace(text)), " "))
	text = strings.ReplaceAll(text, "license, version", "license version")
	for _, l := range texts {
		all := !slices.ContainsFunc(l.says, func(s string) bool { return !strings.Contains(text, s) })
		if all && (l.id != "BSD-2-Clause" || !slices.Contains(ids, "BSD-3-Clause")) {
			ids = append(ids, l.id)
		}
	}
	return ids
}
