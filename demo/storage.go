package demo

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// answerStorage imitates blob, queue, table and file: a bearer token, a shared
// key or a SAS opens it, and a bare Bearer is told the account's tenant.
func (c *Cloud) answerStorage(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	tenant := ownerOf(n)
	w.Header().Set("x-ms-request-id", objectID(freshID()))
	w.Header().Set("x-ms-version", "2024-11-04")
	authorization := r.Header.Get("Authorization")
	_, err := bearer(authorization)
	switch {
	case !tenant.known():
		storageError(w, http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.")
	case err == nil, strings.HasPrefix(authorization, "SharedKey "), r.URL.Query().Has("sig"):
		storageServe(w, r)
	default:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(
			"Bearer authorization_uri=https://login.microsoftonline.com/%s/oauth2/authorize resource_id=https://storage.azure.com", tenant.ID))
		storageError(w, http.StatusUnauthorized, "NoAuthenticationInformation",
			"Server failed to authenticate the request.")
	}
}

func storageServe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"0x8DDEMO"`)
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = fmt.Fprintf(w, "the blob at %s\n", r.URL.Path)
}

func storageError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}

// answerVault imitates Key Vault: its challenge names tenant and resource.
func (c *Cloud) answerVault(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	tenant := ownerOf(n)
	if !tenant.known() {
		armError(w, http.StatusNotFound, "VaultNotFound", "No such vault.")
		return
	}
	if _, err := bearer(r.Header.Get("Authorization")); err != nil {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(
			`Bearer authorization="https://login.windows.net/%s", resource="https://vault.azure.net"`, tenant.ID))
		armError(w, http.StatusUnauthorized, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": "https://" + string(n) + r.URL.Path, "value": "a secret of the demo"})
}

// answerData imitates the rest of the hosts that carry tokens: they want one,
// and say whose it was. Azure DevOps tells its tenant in a header of its own.
func (c *Cloud) answerData(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	if strings.HasSuffix(string(n), "dev.azure.com") || strings.HasSuffix(string(n), ".visualstudio.com") {
		organization, _, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		owner := ownerOf(hosts.Name(strings.ToLower(or(organization, string(n)))))
		w.Header().Set("x-vss-resourcetenant", or(owner.ID, "00000000-0000-0000-0000-000000000000"))
	}
	claims, err := bearer(r.Header.Get("Authorization"))
	if err != nil && r.Header.Get("Authorization") == "" && r.Header.Get("Cookie") == "" {
		writePage(w, http.StatusOK, plainPage, string(n))
		return
	}
	if err != nil {
		w.Header().Set("WWW-Authenticate", challenge)
		armError(w, http.StatusUnauthorized, "Unauthorized", "The token is not one of the cloud.")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"host": string(n), "tenant": text(claims, "tid")})
}
