package pac

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"time"
)

// Handler serves the PAC file that script returns at the time for the group
// that the query names and the address of the client's end of the connection.
// Nothing in it comes from the request itself: a client that asks under another
// Host gets the same file, and there is no redirect, since some clients do not
// follow one.
//
// Chromium wants exactly 200; a Script that cannot be written is a 500 with
// the reason, which a client with a mandatory PAC takes as no network at all.
func Handler(script func(group string, client netip.Addr) Script) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			peer = netip.AddrPort{} // everybody's file
		}
		src, err := source(script(r.URL.Query().Get("group"), peer.Addr()))
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/x-ns-proxy-autoconfig")
		h.Set("Cache-Control", "private, max-age=300")
		h.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(src)))
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(src))
	})
}
