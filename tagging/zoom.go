package tagging

import (
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Zoom names the policy that Zoom's support has set up for the account.
type Zoom struct {
	Policy string `yaml:"policy"` // one label
}

// zoomHeader takes one label. That zoom.us reads it beside zoom.com is not
// documented; there it tells Zoom nothing that it is not told already.
const zoomHeader = "X-ZoomApps-Policy"

var zoomHosts = hosts.MustParseSet("zoom.com", "*.zoom.com", "zoom.us", "*.zoom.us")

func (z *Zoom) compile() (provider, error) {
	var err error
	if !isID(z.Policy, "-_.:") {
		err = setting.Errorf("policy", "the label that Zoom's support tells", "%q is not one label", z.Policy)
	}
	return one(zoomHosts, Tag{zoomHeader, z.Policy}), err
}
