package demo

import (
	"encoding/json"
	"fmt"
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
	graphRoute(w, r, claims, rest)
}

func graphRoute(w http.ResponseWriter, r *http.Request, claims map[string]any, rest string) {
	switch {
	case rest == "$batch" && r.Method == http.MethodPost:
		graphBatch(w, r, claims)
	case rest == "me/stream":
		graphStream(w, r)
	case strings.HasPrefix(rest, "me/drive/"):
		graphDrive(w, r, rest)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		graphError(w, http.StatusMethodNotAllowed, "BadRequest", "The method is not allowed.")
	default:
		status, body := graphGet(claims, rest)
		writeJSON(w, status, body)
	}
}

// graphGet answers a read, alone or inside a batch.
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
		Requests []struct{ ID, Method, URL string }
	}
	if json.NewDecoder(r.Body).Decode(&batch) != nil || len(batch.Requests) > 20 {
		graphError(w, http.StatusBadRequest, "BadRequest", "Invalid batch payload format.")
		return
	}
	answers := []map[string]any{}
	for _, item := range batch.Requests {
		status, body := graphGet(claims, strings.TrimPrefix(item.URL, "/"))
		answers = append(answers, map[string]any{
			"id": item.ID, "status": status, "headers": map[string]string{"Content-Type": "application/json"}, "body": body,
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"responses": answers})
}

// graphDrive takes small uploads and makes upload sessions.
func graphDrive(w http.ResponseWriter, r *http.Request, rest string) {
	name := strings.TrimSuffix(strings.TrimSuffix(rest[strings.LastIndex(rest, "root:")+len("root:"):], ":/content"), ":/createUploadSession")
	switch {
	case !strings.Contains(rest, "root:"):
		graphError(w, http.StatusNotFound, "itemNotFound", "The resource could not be found.")
	case strings.HasSuffix(rest, "/createUploadSession"):
		writeJSON(w, http.StatusOK, map[string]any{
			"uploadUrl":          "https://" + Home.Short + "-my.sharepoint.com/personal/upload?tempauth=demo-" + freshID(),
			"expirationDateTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		})
	case r.Method == http.MethodPut:
		writeJSON(w, http.StatusCreated, map[string]any{"id": objectID(name), "name": strings.TrimPrefix(name, "/"), "size": r.ContentLength})
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte("the content of " + name + "\n"))
	}
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
