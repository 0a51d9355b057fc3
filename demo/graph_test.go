package demo

import (
	"strings"
	"testing"
	"time"
)

func TestGraphServesWhoeverHasATokenOfTheCloud(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const me = "https://graph.microsoft.com/v1.0/me"
	answer, body := do(t, cl, "GET", me, "")
	if answer.StatusCode != 401 || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") ||
		!strings.Contains(body, "InvalidAuthenticationToken") {
		t.Errorf("without a token: %s %s", answer.Status, body)
	}
	for user, spec := range map[string]Spec{
		"alice@contoso.com":    {},
		"bob@contoso.com":      {User: "bob@contoso.com", V1: true},
		"mallory@fabrikam.com": {Tenant: Foreign.ID},
		"sam@outlook.com":      {Tenant: Consumer.ID},
	} {
		answer, body := do(t, cl, "GET", me, "", "Authorization: Bearer "+c.Mint(spec))
		if answer.StatusCode != 200 || fields(t, body)["userPrincipalName"] != user {
			t.Errorf("%s: %s %s", user, answer.Status, body)
		}
	}
	for name, token := range map[string]string{
		"expired":  c.Mint(Spec{Expires: time.Now().Add(-time.Minute)}),
		"tampered": tampered(c.Mint(Spec{})),
		"opaque":   "EwB4A8l6BAAU",
	} {
		if answer, _ := do(t, cl, "GET", me, "", "Authorization: Bearer "+token); answer.StatusCode != 401 {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

// tampered gives a token the payload of another one.
func tampered(token string) string {
	parts := strings.Split(token, ".")
	parts[1] = strings.Split(mint(Spec{Tenant: Foreign.ID}), ".")[1]
	return strings.Join(parts, ".")
}

func TestGraphBatchesUploadsAndStreams(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	token := "Authorization: Bearer " + c.Mint(Spec{})
	const graph = "https://graph.microsoft.com/v1.0/"
	_, body := do(t, cl, "POST", graph+"$batch", `{"requests":[{"id":"1","method":"GET","url":"/me"},{"id":"2","method":"GET","url":"/nothing"}]}`,
		token, "Content-Type: application/json")
	list := fields(t, body)["responses"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["status"] != 200.0 || list[1].(map[string]any)["status"] != 404.0 {
		t.Errorf("batch: %s", body)
	}
	answer, body := do(t, cl, "PUT", graph+"me/drive/root:/a.txt:/content", "12345", token)
	if answer.StatusCode != 201 || fields(t, body)["size"] != 5.0 {
		t.Errorf("upload: %s %s", answer.Status, body)
	}
	answer, body = do(t, cl, "GET", graph+"me/stream", "", token)
	if answer.Header.Get("Content-Type") != "text/event-stream" || strings.Count(body, "data: ") != 3 {
		t.Errorf("stream: %s", body)
	}
	_, body = do(t, cl, "GET", graph+"tenantRelationships/findTenantInformationByDomainName(domainName='fabrikam.com')", "", token)
	if m := fields(t, body); m["tenantId"] != Foreign.ID || m["displayName"] != "Fabrikam" {
		t.Errorf("tenant information: %s", body)
	}
	_, body = do(t, cl, "GET", graph+"users", "", "Authorization: Bearer "+c.Mint(Spec{AppOnly: true}))
	if !strings.Contains(body, "bob@contoso.com") {
		t.Errorf("users: %s", body)
	}
}

func TestAServiceTellsWhoseItIsBeforeAnybodySignsIn(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	for address, want := range map[string]string{
		"https://fabrikam.sharepoint.com/_vti_bin/client.svc":                                            `Bearer realm="` + Foreign.ID + `",client_id="00000003-0000-0ff1-ce00-000000000000"`,
		"https://contoso-my.sharepoint.com/_vti_bin/client.svc":                                          `Bearer realm="` + Home.ID + `"`,
		"https://management.azure.com/subscriptions/" + Foreign.Subscription + "?api-version=2020-01-01": `Bearer authorization_uri="https://login.windows.net/` + Foreign.ID + `"`,
		"https://fabrikamdata.blob.core.windows.net/c/b":                                                 "Bearer authorization_uri=https://login.microsoftonline.com/" + Foreign.ID + "/oauth2/authorize",
		"https://contoso-vault.vault.azure.net/secrets/x":                                                `Bearer authorization="https://login.windows.net/` + Home.ID + `"`,
	} {
		answer, _ := do(t, cl, "GET", address, "", "Authorization: Bearer")
		if got := answer.Header.Get("WWW-Authenticate"); answer.StatusCode != 401 || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s %q", address, answer.Status, got)
		}
	}
	answer, _ := do(t, cl, "GET", "https://dev.azure.com/fabrikam-shop/_apis", "")
	if got := answer.Header.Get("x-vss-resourcetenant"); got != Foreign.ID {
		t.Errorf("dev.azure.com tells %q", got)
	}
	answer, _ = do(t, cl, "GET", "https://management.azure.com/subscriptions/dddddddd-0000-4000-8000-000000000000", "")
	if answer.StatusCode != 404 {
		t.Errorf("an unknown subscription: %s", answer.Status)
	}
}

func TestSharePointServesAnyoneLinksToAnybody(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	answer, body := do(t, cl, "GET", "https://fabrikam.sharepoint.com/:w:/g/personal/x?e=abc", "")
	if answer.StatusCode != 200 || !strings.Contains(body, "document of Fabrikam") {
		t.Errorf("%s %s", answer.Status, body)
	}
	answer, _ = do(t, cl, "GET", "https://fabrikam.sharepoint.com/", "")
	if to := answer.Header.Get("Location"); !strings.HasPrefix(to, "https://login.microsoftonline.com/"+Foreign.ID+"/oauth2/authorize?") {
		t.Errorf("a first visit leads to %q", to)
	}
}

func TestAPeeringIsInitiatedAndABlobIsServed(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	token := "Authorization: Bearer " + c.Mint(Spec{Audience: "https://management.azure.com", V1: true})
	peering := "https://management.azure.com/subscriptions/" + Home.Subscription +
		"/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/virtualNetworkPeerings/p?api-version=2024-05-01"
	answer, body := do(t, cl, "PUT", peering, `{"properties":{"remoteVirtualNetwork":{"id":"/subscriptions/x"}}}`, token)
	if answer.StatusCode != 201 || !strings.Contains(body, `"peeringState":"Initiated"`) {
		t.Errorf("%s %s", answer.Status, body)
	}
	if answer, _ := do(t, cl, "PUT", strings.Replace(peering, Home.Subscription, Foreign.Subscription, 1), "{}", token); answer.StatusCode != 401 {
		t.Errorf("another tenant's subscription: %s", answer.Status)
	}
	for _, h := range []string{token, "Authorization: SharedKey fabrikamdata:c2ln"} {
		if answer, body := do(t, cl, "GET", "https://fabrikamdata.blob.core.windows.net/c/b", "", h); answer.StatusCode != 200 {
			t.Errorf("%s: %s %s", h[:20], answer.Status, body)
		}
	}
	if answer, _ := do(t, cl, "GET", "https://fabrikamdata.blob.core.windows.net/c/b?sv=1&sig=abc", ""); answer.StatusCode != 200 {
		t.Errorf("SAS: %s", answer.Status)
	}
}

func TestAnUploadSessionTakesAFileInPieces(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	_, body := do(t, cl, "POST", "https://graph.microsoft.com/v1.0/me/drive/root:/a.bin:/createUploadSession", "{}", "Authorization: Bearer "+c.Mint(Spec{}))
	session, _ := fields(t, body)["uploadUrl"].(string)
	if !strings.HasPrefix(session, "https://contoso-my.sharepoint.com/") {
		t.Fatalf("the session is at %q", session)
	}
	for _, piece := range []struct {
		content, at, header string
		status              int
		says                string
	}{
		{"12345", "bytes 0-4/10", "X-Note: first", 202, `"nextExpectedRanges":["5-9"]`},
		{"12345", "bytes 0-4/10", "X-Note: again", 416, "invalidRange"},
		{"67890", "bytes 5-9/10", "Authorization: Bearer " + c.Mint(Spec{}), 401, "unauthenticated"},
		{"67890", "bytes 5-9/10", "X-Note: last", 201, `"sha256Hash":"C775E7B757EDE630CD0AA1113BD102661AB38829CA52A6422AB782862F268646"`},
		{"67890", "bytes 5-9/10", "X-Note: after the end", 302, ""},
	} {
		answer, body := do(t, cl, "PUT", session, piece.content, "Content-Range: "+piece.at, piece.header)
		if answer.StatusCode != piece.status || !strings.Contains(body, piece.says) {
			t.Errorf("%s, %s: %s %s", piece.at, piece.header, answer.Status, body)
		}
	}
}

func TestGraphInvitesAGuestAloneAndInABatch(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	token := "Authorization: Bearer " + c.Mint(Spec{})
	const invitation = `{"invitedUserEmailAddress":"mallory@fabrikam.com","inviteRedirectUrl":"https://myapps.microsoft.com"}`
	answer, body := do(t, cl, "POST", "https://graph.microsoft.com/v1.0/invitations", invitation, token)
	if answer.StatusCode != 201 || fields(t, body)["status"] != "PendingAcceptance" {
		t.Errorf("alone: %s %s", answer.Status, body)
	}
	_, body = do(t, cl, "POST", "https://graph.microsoft.com/v1.0/$batch", `{"requests":[{"id":"1","method":"POST","url":"/invitations","body":`+invitation+`}]}`, token)
	if !strings.Contains(body, `"status":201`) || !strings.Contains(body, "PendingAcceptance") {
		t.Errorf("in a batch: %s", body)
	}
}

func TestAPageOfAnotherOriginMayAskGraph(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const me, origin = "https://graph.microsoft.com/v1.0/me", "Origin: https://app.example.com"
	answer, _ := do(t, cl, "OPTIONS", me, "", origin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization")
	if answer.StatusCode != 200 || answer.Header.Get("Access-Control-Allow-Headers") != "authorization" {
		t.Errorf("before: %s %v", answer.Status, answer.Header)
	}
	answer, _ = do(t, cl, "GET", me, "", origin, "Authorization: Bearer "+c.Mint(Spec{}))
	if answer.StatusCode != 200 || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("then: %s %v", answer.Status, answer.Header)
	}
}
