package config

import _ "embed"

//go:embed reference.yaml
var reference string

//go:embed smallest.yaml
var smallest string

//go:embed schema.json
var schema string

// Reference returns a configuration with every key and its default. The two
// IDs are samples.
func Reference() string { return reference }

// Smallest returns the smallest configuration that works. The two IDs are
// samples.
func Smallest() string { return smallest }

// JSONSchema returns the JSON Schema (2020-12) of a configuration, for editors.
func JSONSchema() string { return schema }
