package proxytest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Neighbour is another client of the same proxy, one that does nothing wrong.
// What it sends comes back unchanged, or the proxy mixes clients up.
type Neighbour struct {
	client *http.Client
}

// Mark is the header by which a neighbour's requests are told from others.
const Mark = "X-Neighbour"

// Neighbour returns a new one.
func (r *Rig) Neighbour() *Neighbour {
	proxy := &url.URL{Scheme: "http", Host: r.Explicit}
	return &Neighbour{&http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: r.Roots}, ForceAttemptHTTP2: true,
	}}}
}

// Close drops its connections.
func (n *Neighbour) Close() { n.client.CloseIdleConnections() }

// Ask sends something of its own to host, and fails unless it comes back.
func (n *Neighbour) Ask(host string) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	text := "neighbour " + rand.Text()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/echo", strings.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set(Mark, "yes")
	resp, err := n.client.Do(req)
	if err != nil {
		return fmt.Errorf("another client: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("another client: %w", err)
	}
	if resp.StatusCode != http.StatusOK || string(body) != text {
		return fmt.Errorf("another client sent %q and got %d %q", text, resp.StatusCode, body)
	}
	return nil
}
