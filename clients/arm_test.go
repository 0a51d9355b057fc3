package clients_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

const armAudience = "https://" + armHost

// peeringAnswer is what node/arm.mjs prints.
type peeringAnswer struct {
	told
	State string
}

// peer creates a peering of a network of ours with @azure/arm-network.
func (s *stage) peer(t *testing.T, remote string, own map[string]string, auxiliary ...map[string]string) peeringAnswer {
	t.Helper()
	var a peeringAnswer
	s.script(t, "arm.mjs", "@azure/arm-network", map[string]any{
		"credential": own, "auxiliary": auxiliary, "subscription": demo.Home.Subscription, "remote": network(remote),
	}, &a)
	return a
}

func network(subscription string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/spoke"
}

// written are the writes that reached Resource Manager.
func (s *stage) written() []demo.Seen {
	return slices.DeleteFunc(s.seen(armHost), func(r demo.Seen) bool { return r.Method == http.MethodGet })
}

func TestArmNetworkPeersTwoNetworksOfOurs(t *testing.T) {
	s := linkStage(t, proxytest.Options{}, "node")
	a := s.peer(t, demo.Home.Subscription, asSecret(demo.Home.ID), asSecret(demo.Home.Domains[0]))
	if a.State != "Initiated" {
		t.Fatalf("the SDK says %+v", a)
	}
	puts := s.written()
	if len(puts) != 1 || puts[0].Method != http.MethodPut ||
		!strings.HasPrefix(puts[0].Header.Get("x-ms-authorization-auxiliary"), "Bearer ey") {
		t.Errorf("the cloud saw %+v", puts)
	}
	if e := s.recorded(t, armHost, "home-account"); !slices.ContainsFunc(e.Credentials, func(c audit.Credential) bool {
		return c.Place == "auxiliary" && c.Tenant == demo.Home.ID
	}) {
		t.Errorf("the event names the credentials %+v", e.Credentials)
	}
	s.tagged(t)
	s.untagged(t, armHost)
	s.confined(t, signInHost, armHost)
}

func TestArmNetworkIsToldThatAForeignNetworkIsNotPeered(t *testing.T) {
	for name, auxiliary := range map[string]func(*stage) []map[string]string{
		"with no auxiliary token": func(*stage) []map[string]string { return nil },
		// Outbound access is allowed: it is the link that is refused.
		"with a guest's auxiliary token": func(s *stage) []map[string]string {
			return []map[string]string{asHeld(s.Cloud.Mint(demo.Spec{
				Tenant: demo.Foreign.ID, IDP: demo.Home.ID, User: demo.Home.Users[0], Audience: armAudience, V1: true,
			}))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := linkStage(t, proxytest.Options{}, "node")
			a := s.peer(t, demo.Foreign.Subscription, asSecret(demo.Home.ID), auxiliary(s)...)
			e := s.shown(t, a.told, armHost, "link-external", "to another organization")
			linked(t, e, "vnet-peering", demo.Foreign)
			if puts := s.written(); len(puts) > 0 {
				t.Errorf("the cloud saw %s %s", puts[0].Method, puts[0].Path)
			}
		})
	}
}

func TestArmNetworkIsToldThatAForeignAuxiliaryTokenIsRefused(t *testing.T) {
	s := linkStage(t, proxytest.Options{}, "node")
	marker := "stolen-" + audit.NewID()
	stolen := s.Cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, Audience: armAudience, V1: true, Marker: marker})
	// The first of the two is ours.
	a := s.peer(t, demo.Home.Subscription, asSecret(demo.Home.ID), asSecret(demo.Home.ID), asHeld(stolen))
	e := s.shown(t, a.told, armHost, "external-account", "account of another organization")
	if !slices.ContainsFunc(e.Credentials, func(c audit.Credential) bool {
		return c.Place == "auxiliary" && c.Tenant == demo.Foreign.ID
	}) {
		t.Errorf("the event names the credentials %+v", e.Credentials)
	}
	if s.Cloud.SawBytes(marker) || len(s.written()) > 0 {
		t.Error("it reached the cloud")
	}
}

func TestArmNetworkIsToldByEntraThatItCannotSignInAbroad(t *testing.T) {
	s := linkStage(t, proxytest.Options{}, "node")
	a := s.peer(t, demo.Foreign.Subscription, asSecret(demo.Home.ID), asSecret(demo.Foreign.ID))
	if !strings.Contains(a.Message, "AADSTS5000211") {
		t.Errorf("the SDK says %+v", a)
	}
	s.tagged(t)
	s.kept(t, armHost)
}
