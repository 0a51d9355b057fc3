package tokens

// Config is the tokens section of the configuration.
type Config struct {
	Hosts []string `yaml:"hosts"` // more hosts that carry tokens, beside the built-in ones; patterns of hosts.ParseSet
}
