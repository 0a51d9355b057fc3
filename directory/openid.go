package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/peer"
)

// maxAnswer is the most that is read of an answer, in octets. Entra's metadata
// has about 2 KiB.
const maxAnswer = 64 << 10

func ownTransport() http.RoundTripper {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: askTimeout}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        (*peer.Trust)(nil).Config(),
		TLSHandshakeTimeout:    askTimeout,
		ResponseHeaderTimeout:  askTimeout,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        8,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

// openID asks Entra's metadata of name, a domain or a directory ID. The
// tenant's ID stands in issuer and in token_endpoint; both must agree
// (Microsoft, tenant-restrictions). A name without a tenant is answered with
// 400 and AADSTS90002; that status is not documented, and any other 4xx only
// means that nothing was learnt.
func (d *Directory) openID(ctx context.Context, name string) (string, error) {
	u := d.authority.JoinPath(name, "v2.0", ".well-known", "openid-configuration")
	resp, err := d.get(ctx, u, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: read metadata: %w", ErrUnavailable, err)
	case len(body) > maxAnswer:
		return "", fmt.Errorf("%w: metadata larger than %d octets", ErrUnavailable, maxAnswer)
	case resp.StatusCode == http.StatusBadRequest && strings.Contains(string(body), "AADSTS90002"):
		return "", ErrUnknown
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%w: status %d", ErrUnavailable, resp.StatusCode)
	}
	return tenantOf(body, name)
}

// tenantOf reads the metadata that was asked for name.
func tenantOf(body []byte, name string) (string, error) {
	var metadata struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	if err := json.Unmarshal(body, &metadata); err != nil {
		return "", fmt.Errorf("%w: metadata is no JSON", ErrUnavailable)
	}
	issuer, okIssuer := tenantInPath(metadata.Issuer)
	endpoint, okEndpoint := tenantInPath(metadata.TokenEndpoint)
	if !okIssuer || !okEndpoint || issuer != endpoint {
		return "", fmt.Errorf("%w: issuer and token endpoint do not name one tenant", ErrUnavailable)
	}
	if id, ok := guid(name); ok && id != issuer {
		return "", fmt.Errorf("%w: metadata of another tenant", ErrUnavailable)
	}
	return issuer, nil
}

// tenantInPath returns the directory ID that is the first segment of an https
// URL's path.
func tenantInPath(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return guid(first)
}

// get asks u without following redirects: RoundTrip never does, and a
// redirect is not the answer of who was asked.
func (d *Directory) get(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("User-Agent", "tenantgate")
	r.Header.Set("Accept", "application/json")
	resp, err := d.transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return resp, nil
}

// guid returns s in lower case if it is 8-4-4-4-12 hexadecimal digits and not
// all zero.
func guid(s string) (string, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return "", false
	}
	s = strings.ToLower(s)
	digits := strings.ReplaceAll(s, "-", "")
	return s, len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == "" && strings.Trim(digits, "0") != ""
}
