package audit

import (
	"log/slog"
	"time"
)

// Config is the events section of the configuration.
type Config struct {
	File  string       `yaml:"file"`  // JSON lines; empty is STATE/events/events.jsonl, "-" is standard output
	Sync  string       `yaml:"sync"`  // always | interval | never: when events are made to survive a power loss; empty is interval
	Full  string       `yaml:"full"`  // block | pass: what becomes of a tenant event when the disk is full; empty is block
	Spool SpoolConfig  `yaml:"spool"` // where events wait for the sinks
	Sinks []SinkConfig `yaml:"sinks"` // other places that events are sent to

	Privacy PrivacyConfig `yaml:"privacy"` // what events tell of people

	Log *slog.Logger `yaml:"-" json:"-"` // told when a sink begins to fail, and when it is over; nil: nobody is
}

// SpoolConfig bounds what waits for the sinks, and what is kept to be sent
// again.
type SpoolConfig struct {
	MaxBytes int64         `yaml:"max_bytes"` // 0 is 1 GiB
	MaxAge   time.Duration `yaml:"max_age"`   // 0 is seven days
}

// The bounds of a spool that has none configured.
const (
	defaultSpoolBytes = 1 << 30
	defaultSpoolAge   = 7 * 24 * time.Hour
	minSpoolBytes     = 1 << 20
)
