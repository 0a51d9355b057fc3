package signals

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/setting"
)

// Config is the signals section of the configuration.
type Config struct {
	Window time.Duration `yaml:"window"` // how long a sign-in counts, and how long nothing is told twice; 0 is 28h
	Off    []string      `yaml:"off"`    // signals that nobody wants, by reason
}

// Bounds. An access token lives for 60 to 90 minutes, and up to 28 hours where
// continuous access evaluation can end it earlier (Microsoft, "Continuous
// access evaluation"): who holds one has signed in within that time.
const (
	usualWindow = 28 * time.Hour
	minWindow   = time.Second

	maxClients = 16384
	maxHosts   = 2048
)

func (c Config) window() time.Duration {
	if c.Window == 0 {
		return usualWindow
	}
	return max(c.Window, minWindow)
}

// Check reports what is wrong with c by itself.
func (c Config) Check() error {
	var bad []error
	if c.Window != 0 && c.Window < minWindow {
		bad = append(bad, setting.Errorf("window", "write how long a token may live, such as 28h; 0s is that", "%s is too short", c.Window))
	}
	for i, name := range c.Off {
		if !slices.Contains(All, policy.Reason(name)) {
			bad = append(bad, setting.Errorf(fmt.Sprintf("off[%d]", i), "write one of "+names(), "%q is no signal", name))
		}
	}
	return errors.Join(bad...)
}

func names() string {
	all := make([]string, len(All))
	for i, reason := range All {
		all[i] = string(reason)
	}
	return strings.Join(all, ", ")
}
