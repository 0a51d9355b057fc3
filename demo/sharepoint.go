package demo

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// sharePointApp is SharePoint Online's application ID (not documented as such,
// seen in its challenges).
const sharePointApp = "00000003-0000-0ff1-ce00-000000000000"

// answerSharePoint imitates {tenant}.sharepoint.com.
//
//  1. an upload session's URL takes the pieces of its file
//  2. client.svc with an empty Bearer tells the tenant in a challenge
//  3. an anyone-link serves its document to anybody
//  4. the sign-in's answer becomes the session cookies
//  5. a token of the cloud or a session cookie opens the page
//  6. a visitor with neither is sent to sign in
func (c *Cloud) answerSharePoint(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	tenant := ownerOf(n)
	w.Header().Set("sprequestguid", objectID(freshID()))
	if !tenant.known() {
		http.Error(w, "404 FILE NOT FOUND", http.StatusNotFound)
		return
	}
	if id, ok := c.uploading(r.URL); ok {
		c.takePiece(w, r, n, id)
		return
	}
	_, noToken := bearer(r.Header.Get("Authorization"))
	switch path := strings.ToLower(r.URL.Path); {
	case noToken != nil && (strings.HasPrefix(path, "/_vti_bin/client.svc") || strings.HasPrefix(path, "/_api/")):
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s",client_id="%s",trusted_issuers="00000001-0000-0000-c000-000000000000@*"`, tenant.ID, sharePointApp))
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error_description": "Invalid JWT token. No token was sent."})
	case strings.HasPrefix(path, "/:"):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "A document of %s that anyone with the link can read.\n", tenant.Name)
	case path == "/_forms/default.aspx" && r.Method == http.MethodPost:
		sharePointSession(w, r, tenant)
	case strings.HasPrefix(path, "/_api/"):
		writeJSON(w, http.StatusOK, map[string]any{"Title": tenant.Name, "Url": "https://" + string(n)})
	case noToken == nil || hasSession(r):
		writePage(w, http.StatusOK, plainPage, tenant.Name+" – SharePoint")
	default:
		http.Redirect(w, r, sharePointSignIn(n, tenant), http.StatusFound)
	}
}

func sharePointSignIn(n hosts.Name, tenant Tenant) string {
	query := url.Values{
		"client_id":     {sharePointApp},
		"response_mode": {"form_post"},
		"response_type": {"code id_token"},
		"resource":      {sharePointApp},
		"scope":         {"openid"},
		"nonce":         {freshID()},
		"redirect_uri":  {"https://" + string(n) + "/_forms/default.aspx"},
	}
	return "https://login.microsoftonline.com/" + tenant.ID + "/oauth2/authorize?" + query.Encode()
}

// sharePointSession turns the sign-in's ID token into cookies.
func sharePointSession(w http.ResponseWriter, r *http.Request, tenant Tenant) {
	if err := parseForm(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	claims, err := readToken(r.PostForm.Get("id_token"))
	if err != nil || text(claims, "tid") != tenant.ID {
		http.Error(w, "sign-in was for another tenant", http.StatusForbidden)
		return
	}
	for _, name := range []string{"FedAuth", "rtFa"} {
		http.SetCookie(w, &http.Cookie{Name: name, Value: "demo-" + freshID(), Path: "/", Secure: true, HttpOnly: true})
	}
	http.Redirect(w, r, "/", http.StatusFound)
}

func hasSession(r *http.Request) bool {
	cookie, err := r.Cookie("FedAuth")
	return err == nil && cookie.Value != ""
}
