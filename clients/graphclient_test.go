package clients_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// A file that goes in four pieces: each but the last is a multiple of 320 KiB
// (graph/api/driveitem-createuploadsession).
const (
	pieceSize = 320 << 10
	fileSize  = 3*pieceSize + 4321
)

// clientAnswer is what node/graphclient.mjs prints.
type clientAnswer struct {
	told
	Result json.RawMessage
}

// graphClient lets @microsoft/microsoft-graph-client do one thing.
func (s *stage) graphClient(t *testing.T, credential map[string]string, action string, with any) clientAnswer {
	t.Helper()
	var a clientAnswer
	s.script(t, "graphclient.mjs", "@microsoft/microsoft-graph-client", map[string]any{"credential": credential, action: with}, &a)
	return a
}

// ours is a token of one of our users.
func (s *stage) ours() map[string]string { return asHeld(s.Cloud.Mint(demo.Spec{V1: true})) }

// part is a request in a batch.
type part struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    any               `json:"body,omitempty"`
}

func invitation(user string) map[string]string {
	return map[string]string{"invitedUserEmailAddress": user, "inviteRedirectUrl": "https://myapps.microsoft.com"}
}

var asJSON = map[string]string{"Content-Type": "application/json"}

// statuses are those of the answers in a batch's result, by their IDs.
func statuses(t *testing.T, a clientAnswer) map[string]int {
	t.Helper()
	var result struct {
		Responses []struct {
			ID     string
			Status int
		}
	}
	if err := json.Unmarshal(a.Result, &result); err != nil {
		t.Fatalf("%v: %+v", err, a)
	}
	all := map[string]int{}
	for _, r := range result.Responses {
		all[r.ID] = r.Status
	}
	return all
}

func TestGraphClientSendsABatchAtHome(t *testing.T) {
	s := linkStage(t, proxytest.Options{}, "node")
	a := s.graphClient(t, asSecret(demo.Home.ID), "batch", []part{
		{ID: "1", Method: "GET", URL: "/users"},
		{ID: "2", Method: "GET", URL: "/organization", Headers: map[string]string{"Authorization": "Bearer " + s.ours()["token"]}},
		{ID: "3", Method: "POST", URL: "/invitations", Headers: asJSON, Body: invitation(demo.Home.Users[1])},
	})
	if got := statuses(t, a); len(got) != 3 || got["1"] != 200 || got["2"] != 200 || got["3"] != 201 {
		t.Errorf("the batch ended with %v", got)
	}
	if e := s.recorded(t, graphHost, "home-account"); len(e.Links) > 0 {
		t.Errorf("to invite one of ours is a link: %+v", e.Links)
	}
	s.tagged(t)
	s.untagged(t, graphHost)
	s.confined(t, signInHost, graphHost)
}

func TestGraphClientIsToldThatAForeignCredentialInABatchIsRefused(t *testing.T) {
	s := linkStage(t, proxytest.Options{}, "node")
	token, marker := s.stolen(t)
	a := s.graphClient(t, s.ours(), "batch", []part{
		{ID: "1", Method: "GET", URL: "/me"},
		{ID: "2", Method: "GET", URL: "/users", Headers: map[string]string{"Authorization": "Bearer " + token}},
	})
	e := s.shown(t, a.told, graphHost, "external-account", "account of another organization")
	if len(e.Credentials) != 2 || e.Credentials[1].Place != "batch" || e.Credentials[1].Tenant != demo.Foreign.ID {
		t.Errorf("the event names the credentials %+v", e.Credentials)
	}
	s.kept(t, graphHost, marker)
}

// inviting are the two ways to invite a guest.
var inviting = map[string]struct {
	action string
	with   any
}{
	"alone":      {"invite", invitation(demo.Foreign.Users[0])},
	"in a batch": {"batch", []part{{ID: "1", Method: "POST", URL: "/invitations", Headers: asJSON, Body: invitation(demo.Foreign.Users[0])}}},
}

func TestAnInvitationByGraphClientIsRecordedAsALink(t *testing.T) {
	for name, how := range inviting {
		t.Run(name, func(t *testing.T) {
			s := linkStage(t, proxytest.Options{}, "node")
			a := s.graphClient(t, s.ours(), how.action, how.with)
			if !strings.Contains(string(a.Result), "PendingAcceptance") {
				t.Fatalf("Graph answered %+v", a)
			}
			e := s.recorded(t, graphHost, "link-external")
			if linked(t, e, "guest-invitation", demo.Foreign); e.Denied || e.Links[0].Target != demo.Foreign.Domains[0] {
				t.Errorf("the event is %+v", e)
			}
			s.confined(t, graphHost)
		})
	}
}

func TestGraphClientIsToldThatInvitationsAreBlocked(t *testing.T) {
	for name, how := range inviting {
		t.Run(name, func(t *testing.T) {
			settings := policy.Default()
			settings.Links.Kinds[links.GuestInvitation] = policy.LinkBlock
			s := linkStage(t, proxytest.Options{Policy: &settings}, "node")
			a := s.graphClient(t, s.ours(), how.action, how.with)
			linked(t, s.shown(t, a.told, graphHost, "link-external", "to another organization"), "guest-invitation", demo.Foreign)
			s.kept(t, graphHost)
		})
	}
}

// drive is where a tenant's upload sessions are.
func drive(of demo.Tenant) string { return of.Short + "-my.sharepoint.com" }

// pieces are the parts of files that reached a host.
func (s *stage) pieces(host string) (n int) {
	for _, r := range s.seen(host) {
		if r.Method == "PUT" && r.Header.Get("Content-Range") != "" && r.Header.Get("Authorization") == "" {
			n++
		}
	}
	return n
}

func (s *stage) whole(t *testing.T, a clientAnswer) {
	t.Helper()
	var file struct {
		Name  string
		Whole bool
	}
	if err := json.Unmarshal(a.Result, &file); err != nil || !file.Whole {
		t.Errorf("%v: the SDK says %+v", err, a)
	}
}

func TestGraphClientUploadsAFileAtHomeInPieces(t *testing.T) {
	s := newStage(t, "node")
	a := s.graphClient(t, s.ours(), "upload", map[string]any{"name": "report 1.bin", "size": fileSize, "piece": pieceSize})
	s.whole(t, a)
	if n := s.pieces(drive(demo.Home)); n != 4 {
		t.Errorf("%d pieces reached the cloud, want 4", n)
	}
	e := s.recorded(t, drive(demo.Home), "home-account")
	if len(e.Credentials) != 1 || e.Credentials[0].Place != "query" || e.Credentials[0].Tenant != demo.Home.ID {
		t.Errorf("the event names the credentials %+v", e.Credentials)
	}
	s.untagged(t, drive(demo.Home))
	s.confined(t, graphHost, drive(demo.Home))
}

func TestAForeignUploadSessionFollowsThePolicy(t *testing.T) {
	session := func(s *stage) map[string]any {
		return map[string]any{"url": s.Cloud.UploadURL(demo.Foreign, "loot.bin"), "size": fileSize, "piece": pieceSize}
	}
	t.Run("by default it is refused", func(t *testing.T) {
		s := newStage(t, "node")
		a := s.graphClient(t, s.ours(), "hand", session(s))
		a.Status = 403 // the SDK's upload task does not tell it
		e := s.shown(t, a.told, drive(demo.Foreign), "external-account", "account of another organization")
		if e.ResourceTenant != demo.Foreign.ID {
			t.Errorf("the event is %+v", e)
		}
		s.kept(t, drive(demo.Foreign))
	})
	t.Run("a partner's passes", func(t *testing.T) {
		settings := policy.Default()
		settings.Partners = []policy.Partner{{Tenant: demo.Foreign.ID, TenantRestrictions: policy.All(policy.Allow)}}
		s := stageOf(t, proxytest.Options{Policy: &settings}, "node")
		s.whole(t, s.graphClient(t, s.ours(), "hand", session(s)))
		if n := s.pieces(drive(demo.Foreign)); n != 4 {
			t.Errorf("%d pieces reached the cloud, want 4", n)
		}
		s.recorded(t, drive(demo.Foreign), "partner-account")
	})
}
