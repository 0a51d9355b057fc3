package pac

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/hosts"
)

// proxy is where restricted hosts go. Its seed is made from its name, so that
// it keeps its hosts whatever other proxies come and go.
type proxy struct {
	at   string // host:port
	seed uint16
}

// proxyAt returns the canonical spelling of a proxy that clients can reach.
func proxyAt(s string) (string, error) {
	a, err := hosts.ParseAuthority(s, 0)
	if err != nil {
		return "", fmt.Errorf("proxy %q: %w", s, err)
	}
	if a.Addr.IsValid() && (a.Addr.Unmap().IsUnspecified() || a.Addr.IsMulticast()) {
		return "", fmt.Errorf("proxy %q is no address to connect to: clients need the name or the address of one machine", s)
	}
	return a.String(), nil
}

func parseProxies(list []string) ([]proxy, error) {
	var all []proxy
	for _, s := range list {
		at, err := proxyAt(s)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(p proxy) bool { return p.at == at }) {
			continue
		}
		sum := sha256.Sum256([]byte(at))
		p := proxy{at, binary.BigEndian.Uint16(sum[:])}
		for slices.ContainsFunc(all, func(q proxy) bool { return q.seed == p.seed }) {
			p.seed++ // two of one seed would be in the same order for every host
		}
		all = append(all, p)
	}
	return all, nil
}

// order returns the proxies by weight, the heaviest first (rendezvous hashing:
// a proxy that goes leaves its hosts to all others alike, and takes none from
// another when it comes back). The file computes the same.
func order(proxies []proxy, key string) []string {
	h := 0
	for i := range len(key) {
		h = (h*31 + int(key[i])) % spread
	}
	sorted := slices.Clone(proxies)
	slices.SortStableFunc(sorted, func(a, b proxy) int { return int(weight(b.seed, uint16(h))) - int(weight(a.seed, uint16(h))) })
	var all []string
	for _, p := range sorted {
		all = append(all, p.at)
	}
	return all
}

// spread is the modulus of the hash of a host: prime, and small enough that a
// PAC's numbers stay exact.
const spread = 65521

// weight mixes the 16 bits of seed and h so that each bit depends on all.
func weight(seed, h uint16) uint16 {
	x := uint32(seed ^ h)
	x = (x ^ x>>8) * 34997 & 65535
	x = (x ^ x>>7) * 56109 & 65535
	return uint16(x ^ x>>9)
}
