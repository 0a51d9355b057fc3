package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// answerARM imitates Azure Resource Manager. Without a token it tells the
// subscription's tenant in its challenge (not documented, relied on by many).
func (c *Cloud) answerARM(w http.ResponseWriter, r *http.Request, _ hosts.Name) {
	h := w.Header()
	h.Set("x-ms-request-id", objectID(freshID()))
	h.Set("x-ms-correlation-request-id", correlationID(r))
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	tenant := Home
	if len(parts) >= 2 && strings.EqualFold(parts[0], "subscriptions") {
		tenant = subscriber(parts[1])
		if !tenant.known() {
			armError(w, http.StatusNotFound, "SubscriptionNotFound", "The subscription '"+parts[1]+"' could not be found.")
			return
		}
	}
	claims, err := bearer(r.Header.Get("Authorization"))
	if err != nil {
		h.Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization_uri="https://login.windows.net/%s", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`, tenant.ID))
		armError(w, http.StatusUnauthorized, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
		return
	}
	if text(claims, "tid") != tenant.ID && len(parts) >= 2 {
		armError(w, http.StatusUnauthorized, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer.")
		return
	}
	armRoute(w, r, tenant, parts)
}

func armRoute(w http.ResponseWriter, r *http.Request, tenant Tenant, parts []string) {
	last := parts[len(parts)-1]
	switch {
	case r.Method == http.MethodPut || r.Method == http.MethodPatch:
		armPut(w, r, parts)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && last == "batch":
		armBatch(w, r)
	case r.Method == http.MethodPost:
		writeJSON(w, http.StatusOK, map[string]any{})
	case last == "subscriptions":
		writeJSON(w, http.StatusOK, map[string]any{"value": []map[string]any{armSubscription(tenant)}})
	case len(parts) == 2:
		writeJSON(w, http.StatusOK, armSubscription(tenant))
	default:
		writeJSON(w, http.StatusOK, map[string]any{"id": "/" + strings.Join(parts, "/"), "name": last, "properties": map[string]any{}})
	}
}

func armSubscription(t Tenant) map[string]any {
	return map[string]any{"id": "/subscriptions/" + t.Subscription, "subscriptionId": t.Subscription,
		"tenantId": t.ID, "displayName": t.Name + " production", "state": "Enabled"}
}

// armPut answers with what was put. A peering is Initiated until the other
// side has one too.
func armPut(w http.ResponseWriter, r *http.Request, parts []string) {
	var body map[string]any
	raw, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(raw, &body) != nil {
		armError(w, http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
		return
	}
	properties, _ := body["properties"].(map[string]any)
	if properties == nil {
		properties = map[string]any{}
	}
	properties["provisioningState"] = "Succeeded"
	kind := ""
	if len(parts) >= 2 {
		kind = parts[len(parts)-2]
	}
	if strings.EqualFold(kind, "virtualNetworkPeerings") {
		properties["peeringState"], properties["peeringSyncLevel"] = "Initiated", "RemoteNotInSync"
	}
	body["properties"], body["id"], body["name"] = properties, "/"+strings.Join(parts, "/"), parts[len(parts)-1]
	writeJSON(w, http.StatusCreated, body)
}

// armBatch is the portal's POST /batch.
func armBatch(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Requests []struct{ Name string }
	}
	if json.NewDecoder(r.Body).Decode(&batch) != nil {
		armError(w, http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid.")
		return
	}
	answers := []map[string]any{}
	for _, item := range batch.Requests {
		answers = append(answers, map[string]any{"name": item.Name, "httpStatusCode": http.StatusOK, "content": map[string]any{}})
	}
	writeJSON(w, http.StatusOK, map[string]any{"responses": answers})
}

func armError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"code": code, "message": message}})
}
