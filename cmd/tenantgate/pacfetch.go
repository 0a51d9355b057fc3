package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/pac/judge"
)

// pacWait is how long Chromium waits for a PAC file.
const pacWait = 30 * time.Second

// readPAC reads a PAC file from a path, "-" for in, or a URL.
func readPAC(ctx context.Context, from string, in io.Reader) ([]byte, error) {
	switch {
	case strings.HasPrefix(from, "http://"), strings.HasPrefix(from, "https://"):
		return fetchPAC(ctx, from)
	case from == "-":
		return io.ReadAll(io.LimitReader(in, judge.MaxSize+1))
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, judge.MaxSize+1))
}

// fetchPAC asks as clients do: without a proxy, and following nothing.
func fetchPAC(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pacWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch PAC: %w", errors.Unwrap(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch PAC: the answer is %d, and clients want exactly 200", resp.StatusCode)
	}
	src, err := io.ReadAll(io.LimitReader(resp.Body, judge.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("fetch PAC: %w", err)
	}
	return src, nil
}
