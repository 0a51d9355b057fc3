package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// challenge is how Graph asks for a token (Microsoft, claims-challenge).
const challenge = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`

// answerGraph imitates Microsoft Graph. It serves whoever has a token of the
// cloud, of whichever tenant: it is not Graph that keeps foreign tokens out.
func (c *Cloud) answerGraph(w http.ResponseWriter, r *http.Request, _ hosts.Name) {
	h := w.Header()
	h.Set("request-id", objectID(freshID()))
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Demo","Slice":"E","Ring":"1"}}`)
	if id := r.Header.Get("client-request-id"); id != "" {
		h.Set("client-request-id", id)
	}
	if crossOrigin(w, r) {
		return
	}
	claims, err := bearer(r.Header.Get("Authorization"))
	if err != nil {
		h.Set("WWW-Authenticate", challenge)
		graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty or cannot be validated.")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1.0/")
	if !ok {
		rest, ok = strings.CutPrefix(r.URL.Path, "/beta/")
	}
	if !ok {
		graphError(w, http.StatusBadRequest, "BadRequest", "Invalid version.")
		return
	}
	c.graphRoute(w, r, claims, rest)
}

func (c *Cloud) graphRoute(w http.ResponseWriter, r *http.Request, claims map[string]any, rest string) {
	switch {
	case rest == "$batch" && r.Method == http.MethodPost:
		graphBatch(w, r, claims)
	case rest == "me/stream":
		graphStream(w, r)
	case strings.HasPrefix(rest, "me/drive/"):
		c.graphDrive(w, r, claims, rest)
	default:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			graphError(w, http.StatusBadRequest, "BadRequest", "Unable to read the request.")
			return
		}
		status, answer := graphOne(claims, r.Method, rest, body)
		writeJSON(w, status, answer)
	}
}

// graphOne answers one request, alone or inside a batch.
func graphOne(claims map[string]any, method, rest string, body []byte) (int, map[string]any) {
	switch {
	case method == http.MethodPost && rest == "invitations":
		return graphInvitation(tenantOf(text(claims, "tid")), body)
	case method != http.MethodGet && method != http.MethodHead:
		return http.StatusMethodNotAllowed, graphFault("BadRequest", "The method is not allowed.")
	}
	return graphGet(claims, rest)
}

// graphInvitation invites a guest (graph/api/invitation-post).
func graphInvitation(to Tenant, body []byte) (int, map[string]any) {
	var asked struct{ InvitedUserEmailAddress, InviteRedirectURL string }
	if json.Unmarshal(body, &asked) != nil || asked.InvitedUserEmailAddress == "" || asked.InviteRedirectURL == "" {
		return http.StatusBadRequest, graphFault("BadRequest", "Invalid request.")
	}
	id := objectID(to.ID, asked.InvitedUserEmailAddress)
	return http.StatusCreated, map[string]any{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#invitations/$entity",
		"id":             objectID("invitation", id), "status": "PendingAcceptance", "sendInvitationMessage": false,
		"invitedUserEmailAddress": asked.InvitedUserEmailAddress, "inviteRedirectUrl": asked.InviteRedirectURL,
		"inviteRedeemUrl": "https://login.microsoftonline.com/redeem?rd=https%3a%2f%2finvitations.microsoft.com%2fredeem%2f%3ftenant%3d" + to.ID,
		"invitedUser":     map[string]any{"id": id},
	}
}

// graphGet answers a read.
func graphGet(claims map[string]any, rest string) (int, map[string]any) {
	rest, _, _ = strings.Cut(rest, "?")
	tenant := tenantOf(text(claims, "tid"))
	context := "https://graph.microsoft.com/v1.0/$metadata#"
	switch {
	case rest == "me" && text(claims, "idtyp") == "app":
		return http.StatusBadRequest, graphFault("BadRequest", "/me request is only valid with delegated authentication flow.")
	case rest == "me":
		user := or(text(claims, "upn"), text(claims, "preferred_username"))
		me := graphUser(user, tenant)
		me["@odata.context"] = context + "users/$entity"
		return http.StatusOK, me
	case rest == "users":
		list := []map[string]any{}
		for _, user := range tenant.Users {
			list = append(list, graphUser(user, tenant))
		}
		return http.StatusOK, map[string]any{"@odata.context": context + "users", "value": list}
	case rest == "organization":
		return http.StatusOK, map[string]any{"@odata.context": context + "organization",
			"value": []map[string]any{{"id": tenant.ID, "displayName": tenant.Name}}}
	case strings.HasPrefix(rest, "tenantRelationships/findTenantInformationBy"):
		return graphTenant(rest)
	}
	return http.StatusNotFound, graphFault("Request_ResourceNotFound", "Resource '"+rest+"' does not exist.")
}

func graphUser(user string, tenant Tenant) map[string]any {
	return map[string]any{
		"id": objectID(tenant.ID, user), "displayName": displayName(user), "userPrincipalName": user, "mail": user,
	}
}

// graphTenant is findTenantInformationByDomainName(domainName='x') and
// …ByTenantId(tenantId='g').
func graphTenant(rest string) (int, map[string]any) {
	_, asked, _ := strings.Cut(rest, "'")
	asked, _, _ = strings.Cut(asked, "'")
	t := tenantOf(asked)
	if !t.known() {
		return http.StatusNotFound, graphFault("Request_ResourceNotFound", "Unable to resolve tenant for '"+asked+"'.")
	}
	return http.StatusOK, map[string]any{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.tenantInformation",
		"tenantId":       t.ID, "displayName": t.Name, "defaultDomainName": t.Domains[0], "federationBrandName": nil,
	}
}

func graphBatch(w http.ResponseWriter, r *http.Request, claims map[string]any) {
	var batch struct {
		Requests []struct {
			ID, Method, URL string
			Body            json.RawMessage
		}
	}
	if json.NewDecoder(r.Body).Decode(&batch) != nil || len(batch.Requests) > 20 {
		graphError(w, http.StatusBadRequest, "BadRequest", "Invalid batch payload format.")
		return
	}
	answers := []map[string]any{}
	for _, item := range batch.Requests {
		status, body := graphOne(claims, item.Method, strings.TrimPrefix(item.URL, "/"), item.Body)
		answers = append(answers, map[string]any{
			"id": item.ID, "status": status, "headers": map[string]string{"Content-Type": "application/json"}, "body": body,
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"responses": answers})
}

// graphStream sends three events, each flushed by itself.
func graphStream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 3 {
		_, _ = fmt.Fprintf(w, "data: {\"notification\":%d}\n\n", i)
		_ = http.NewResponseController(w).Flush()
	}
}

func graphError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, graphFault(code, message))
}

func graphFault(code, message string) map[string]any {
	return map[string]any{"error": map[string]any{"code": code, "message": message,
		"innerError": map[string]any{"date": time.Now().UTC().Format(time.RFC3339), "request-id": objectID(freshID())}}}
}
