package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// upload is a file that comes in pieces.
type upload struct {
	name    string
	content []byte
}

// uploads are the sessions that are open, by the guid of their URL. The zero
// uploads is empty.
type uploads struct {
	mu   sync.Mutex
	open map[string]*upload
}

// graphDrive takes small uploads and makes upload sessions.
func (c *Cloud) graphDrive(w http.ResponseWriter, r *http.Request, claims map[string]any, rest string) {
	name := strings.TrimSuffix(strings.TrimSuffix(rest[strings.LastIndex(rest, "root:")+len("root:"):], ":/content"), ":/createUploadSession")
	switch {
	case !strings.Contains(rest, "root:"):
		graphError(w, http.StatusNotFound, "itemNotFound", "The resource could not be found.")
	case strings.HasSuffix(rest, "/createUploadSession"):
		writeJSON(w, http.StatusOK, map[string]any{
			"uploadUrl":          c.UploadURL(tenantOf(text(claims, "tid")), strings.TrimPrefix(name, "/")),
			"expirationDateTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		})
	case r.Method == http.MethodPut:
		writeJSON(w, http.StatusCreated, map[string]any{"id": objectID(name), "name": strings.TrimPrefix(name, "/"), "size": r.ContentLength})
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte("the content of " + name + "\n"))
	}
}

// UploadURL opens an upload session in a tenant's OneDrive and returns its URL,
// which needs no other credential (graph/api/driveitem-createuploadsession).
// The form of tempauth is not documented; this is as it was seen.
func (c *Cloud) UploadURL(t Tenant, name string) string {
	id, site := freshID(), t.Short+"-my.sharepoint.com"
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	if c.uploads.open == nil {
		c.uploads.open = map[string]*upload{}
	}
	c.uploads.open[id] = &upload{name: name}
	ticket, err := json.Marshal(map[string]string{
		"siteid": objectID(site), "aud": sharePointApp + "/" + site + "@" + t.ID, "exp": fmt.Sprint(time.Now().Add(time.Hour).Unix()),
	})
	if err != nil {
		return ""
	}
	return "https://" + site + "/personal/drive/_api/v2.0/drive/items/root:/" + url.PathEscape(name) +
		":/uploadSession?guid='" + id + "'&overwrite=False&rename=True&dc=0&tempauth=v1." + b64(ticket) + ".ZGVtbw"
}

// uploading returns the session that a URL is of.
func (c *Cloud) uploading(u *url.URL) (id string, ok bool) {
	if !strings.HasSuffix(u.Path, "/uploadSession") {
		return "", false
	}
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	id = strings.Trim(u.Query().Get("guid"), "'")
	_, ok = c.uploads.open[id]
	return id, ok && u.Query().Get("tempauth") != ""
}

// takePiece takes the next piece of a file. Pieces come in order, and a request
// that brings an Authorization header too is refused, as the real one says it
// may be.
func (c *Cloud) takePiece(w http.ResponseWriter, r *http.Request, n hosts.Name, id string) {
	var first, last, size int
	piece, err := io.ReadAll(r.Body)
	_, format := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	u := c.uploads.open[id]
	switch {
	case u == nil:
		graphError(w, http.StatusNotFound, "itemNotFound", "The upload session was not found.")
	case r.Header.Get("Authorization") != "":
		graphError(w, http.StatusUnauthorized, "unauthenticated", "The caller is not authenticated.")
	case r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"nextExpectedRanges": []string{fmt.Sprintf("%d-", len(u.content))}})
	case r.Method != http.MethodPut || err != nil || format != nil || first != len(u.content) || last-first+1 != len(piece):
		graphError(w, http.StatusRequestedRangeNotSatisfiable, "invalidRange", "The range is not the next one.")
	default:
		u.content = append(u.content, piece...)
		if len(u.content) < size {
			writeJSON(w, http.StatusAccepted, map[string]any{
				"expirationDateTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
				"nextExpectedRanges": []string{fmt.Sprintf("%d-%d", len(u.content), size-1)},
			})
			return
		}
		delete(c.uploads.open, id)
		sum := sha256.Sum256(u.content)
		writeJSON(w, http.StatusCreated, map[string]any{
			"id": objectID(u.name), "name": u.name, "size": size, "webUrl": "https://" + string(n) + "/personal/drive/" + u.name,
			"file": map[string]any{"hashes": map[string]string{"sha256Hash": strings.ToUpper(hex.EncodeToString(sum[:]))}},
		})
	}
}
