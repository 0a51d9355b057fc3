package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// describe reads what the linker wrote down: the modules that are linked in,
// not those that go.mod names.
func describe(binary, version string) (*cdx.BOM, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read build information: %w", err)
	}
	octets, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(octets)
	cache, err := openCache()
	if err != nil {
		return nil, err
	}
	main := component(cdx.ComponentTypeApplication, info.Main.Path, version)
	main.Name = filepath.Base(info.Main.Path)
	main.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}}
	main.Licenses = licencesIn(cache.root)
	main.Properties = settings(info)

	inside := []cdx.Component{standard(info)}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component(cdx.ComponentTypeLibrary, m.Path, m.Version)
		c.Scope = cdx.ScopeRequired
		c.Licenses = licencesIn(cache.dirs[m.Path])
		if m.Sum != "" { // the module's, as in go.sum: not the hash of a file
			c.Properties = &[]cdx.Property{{Name: "go:sum", Value: m.Sum}}
		}
		inside = append(inside, c)
	}
	slices.SortFunc(inside, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })

	bom := cdx.NewBOM()
	bom.SerialNumber = serial(sum)
	bom.Metadata = &cdx.Metadata{Timestamp: when(info), Component: &main, Tools: &cdx.ToolsChoice{
		Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "deploy/sbom"}},
	}}
	bom.Components, bom.Dependencies = &inside, edges(cache, main, inside)
	return bom, nil
}

// component is a Go module. Its purl is that of the package-url specification:
// pkg:golang/ with the path in lower case.
func component(kind cdx.ComponentType, path, version string) cdx.Component {
	purl := "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
	return cdx.Component{BOMRef: purl, Type: kind, Name: path, Version: version, PackageURL: purl}
}

// standard is the library of the toolchain, in which most advisories are. In the
// FIPS flavour its cryptography is another module's release.
func standard(info *debug.BuildInfo) cdx.Component {
	c := component(cdx.ComponentTypeLibrary, "std", strings.TrimPrefix(info.GoVersion, "go"))
	c.Licenses = &cdx.Licenses{{License: &cdx.License{ID: "BSD-3-Clause"}}}
	for _, s := range info.Settings {
		if s.Key == "GOFIPS140" {
			c.Properties = &[]cdx.Property{{Name: "go:GOFIPS140", Value: s.Value}}
		}
	}
	return c
}

// settings are how the binary was built.
func settings(info *debug.BuildInfo) *[]cdx.Property {
	all := []cdx.Property{{Name: "go:toolchain", Value: info.GoVersion}}
	for _, s := range info.Settings {
		all = append(all, cdx.Property{Name: "go:" + s.Key, Value: s.Value})
	}
	return &all
}

// serial is made of the binary's hash: the specification wants a UUID, and who
// builds the same binary shall write the same file (RFC 9562, version 8).
func serial(sum [32]byte) string {
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// when is the commit's time: SOURCE_DATE_EPOCH, else what the linker was told.
func when(info *debug.BuildInfo) string {
	if n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(n, 0).UTC().Format(time.RFC3339)
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			return s.Value
		}
	}
	return ""
}
