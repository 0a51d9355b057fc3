package doctor

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/setting"
)

// Config is the doctor section of the configuration.
type Config struct {
	Every  time.Duration `yaml:"every"` // how often a running proxy proves that restrictions hold; 0 is never
	Canary Canary        `yaml:"canary"`
}

// Canary is a sign-in that Entra must refuse: an application in a tenant that
// tenant restrictions block. Entra looks at the application before it looks at
// the restriction, or after; which is not documented. With a real one of the
// canary tenant the order does not matter.
type Canary struct {
	Tenant string `yaml:"tenant"` // directory ID or domain; empty: nothing is sent
	Client string `yaml:"client"` // application ID
	Secret string `yaml:"secret"` // its client secret
}

// minEvery keeps a slow upstream from being asked without a pause.
const minEvery = 10 * time.Second

var (
	tenantForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	clientForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

// Check reports what is wrong with c by itself; home is the home tenant.
func (c Config) Check(home string) error {
	var bad []error
	if c.Every != 0 && c.Every < minEvery {
		bad = append(bad, setting.Errorf("every", "write 5m; 0s is never", "%s is too often", c.Every))
	}
	k := c.Canary
	if k.Tenant != "" && !tenantForm.MatchString(k.Tenant) {
		bad = append(bad, setting.Errorf("canary.tenant", "write a directory ID, or a domain of that tenant", "%q is no tenant", k.Tenant))
	}
	if k.Tenant != "" && strings.EqualFold(k.Tenant, home) {
		bad = append(bad, setting.Errorf("canary.tenant", "name a tenant that tenant restrictions block", "is the home tenant"))
	}
	if k.Client != "" && !clientForm.MatchString(k.Client) {
		bad = append(bad, setting.Errorf("canary.client", "write the application ID, a GUID", "%q is no application ID", k.Client))
	}
	if k.Tenant == "" && (k.Client != "" || k.Secret != "") {
		bad = append(bad, setting.Errorf("canary.tenant", "name the tenant that the application is in", "is missing"))
	}
	return errors.Join(bad...)
}
