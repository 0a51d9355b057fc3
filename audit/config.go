package audit

// Config is the events section of the configuration.
type Config struct {
	File  string `yaml:"file"`  // JSON lines; empty is STATE/events/events.jsonl, "-" is standard output
	Sinks []Sink `yaml:"sinks"` // other places that events are sent to
}

// Sink is one entry of events.sinks.
type Sink struct {
	Name string `yaml:"name"`
	Type string `yaml:"type"`
}
