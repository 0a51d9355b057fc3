package clients_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// crossing writes down by which way each host comes: through one of the proxies,
// or to the place where everything direct ends.
type crossing struct {
	mu     sync.Mutex
	ways   map[string]string // host as asked for, with its dot: way
	direct string            // port of whatever comes past the proxies
}

func (c *crossing) note(host, way string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.ways[host]; before != "" && before != way {
		way = before + " and " + way
	}
	c.ways[host] = way
}

func newCrossing(t *testing.T, expected []string) *crossing {
	t.Helper()
	c := &crossing{ways: map[string]string{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, c.direct, _ = net.SplitHostPort(l.Addr().String())
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if name := wanted(conn, expected); name != "" {
					c.note(name, "DIRECT")
				}
			}()
		}
	}()
	return c
}

// wanted reads the first TLS record and returns which of the hosts its
// server_name is (RFC 6066, 3), without case and last dot. crypto/tls does not
// read a name with a dot at its end, and browsers send it.
func wanted(conn net.Conn, expected []string) string {
	var head [5]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return ""
	}
	hello := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(conn, hello); err != nil {
		return ""
	}
	for _, host := range expected {
		name := strings.ToLower(strings.TrimSuffix(host, "."))
		for _, spelled := range []string{name, name + "."} {
			entry := append([]byte{0}, binary.BigEndian.AppendUint16(nil, uint16(len(spelled)))...)
			if bytes.Contains(hello, append(entry, spelled...)) {
				return name
			}
		}
	}
	return "somebody else"
}

// proxy is one that writes down whom it is asked for, and refuses.
func (c *crossing) proxy(t *testing.T) string {
	t.Helper()
	var at string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			host, _, _ := net.SplitHostPort(r.Host)
			c.note(strings.TrimSuffix(host, "."), "PROXY "+at)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(s.Close)
	at = s.Listener.Addr().String()
	return at
}

// page serves a page that asks for something from every host, and the PAC file.
func (c *crossing) page(t *testing.T, file http.Handler, list []string) (page, address string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/proxy.pac", file)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for _, host := range list {
			fmt.Fprintf(w, "<img src=\"https://%s:%s/a.png\">\n", host, c.direct)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return "http://www.example.com" + s.URL[strings.LastIndexByte(s.URL, ':'):] + "/", s.URL + "/proxy.pac"
}

func serving(script pac.Script) http.Handler {
	return pac.Handler(func(string, netip.Addr) pac.Script { return script })
}

// crowd are hosts of every sort: restricted, exempt, neither, and names that
// only look like them; some with a dot at the end, or in capitals.
func crowd(s pac.Script) []string {
	var all []string
	for _, p := range slices.Concat(s.Restricted.Patterns(), s.Exempt.Patterns()) {
		name, beneath := strings.CutPrefix(p, "*.")
		if beneath {
			all = append(all, "contoso."+name)
		} else {
			all = append(all, name)
		}
	}
	for i, name := range slices.Clone(all) {
		switch i % 5 {
		case 0:
			all = append(all, "evil"+name)
		case 1:
			all = append(all, name+".example.com")
		case 2:
			all[i] = strings.ToUpper(name)
		case 3:
			all[i] = name + "."
		}
	}
	return append(all, "www.example.org", "intranet.contoso.com")
}

func bothBrowsers(t *testing.T, test func(t *testing.T, open func(t *testing.T, file, page string))) {
	t.Run("Chromium", func(t *testing.T) {
		b := &browser{program: needs.Tool(t, "chromium"), env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch(t), "LANG=C.UTF-8", "TZ=UTC"}}
		test(t, func(t *testing.T, file, page string) {
			b.pac = file
			b.open(t, "", page, "--host-resolver-rules=MAP * 127.0.0.1", "--disable-features=HttpsUpgrades")
		})
	})
	t.Run("Firefox", func(t *testing.T) {
		b := firefox{program: needs.Tool(t, "firefox-esr")}
		test(t, func(t *testing.T, file, page string) {
			b.pac = file
			b.open(t, picture(t, "firefox-crowd"), page)
		})
	})
}

// TestBrowsersSendEachHostWhereWeSayTheyDo compares where a browser goes for
// each of some hundred hosts with what Route says, with one proxy of three dead.
func TestBrowsersSendEachHostWhereWeSayTheyDo(t *testing.T) {
	bothBrowsers(t, func(t *testing.T, open func(t *testing.T, file, page string)) {
		script := restrictedScript(t)
		list := crowd(script)
		c, dead := newCrossing(t, list), proxytest.Closed(t)
		script.Proxies = []string{c.proxy(t), dead, c.proxy(t)}
		page, file := c.page(t, serving(script), list)
		open(t, file, page)
		want := map[string]string{}
		for _, host := range list {
			name, err := hosts.Parse(host)
			if err != nil {
				t.Fatal(err)
			}
			route, err := pac.Route(script, name)
			if err != nil {
				t.Fatal(err)
			}
			for hop := range strings.SplitSeq(route, "; ") {
				if hop != "PROXY "+dead {
					want[string(name)] = hop
					break
				}
			}
		}
		c.differ(t, want)
	})
}

// TestBrowsersNeverGoDirectWhenEveryProxyIsDead, unless the file says so.
func TestBrowsersNeverGoDirectWhenEveryProxyIsDead(t *testing.T) {
	bothBrowsers(t, func(t *testing.T, open func(t *testing.T, file, page string)) {
		for _, failOpen := range []bool{false, true} {
			t.Run(fmt.Sprintf("fail_open %v", failOpen), func(t *testing.T) {
				list := []string{signInHost, graphHost, site}
				c, script := newCrossing(t, list), restrictedScript(t)
				script.Proxies, script.FailOpen = []string{proxytest.Closed(t), proxytest.Closed(t)}, failOpen
				page, file := c.page(t, serving(script), list)
				open(t, file, page)
				want := map[string]string{site: "DIRECT"}
				if failOpen {
					want[signInHost], want[graphHost] = "DIRECT", "DIRECT"
				}
				c.differ(t, want)
			})
		}
	})
}

// differ compares the ways with those wanted, whatever else a browser asked for
// by itself.
func (c *crossing) differ(t *testing.T, want map[string]string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	got := maps.Clone(c.ways)
	delete(got, "somebody else") // what a browser asks for by itself; it ends here too
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("where hosts go (-what Route says +what the browser did): %s", diff)
	}
}

func restrictedScript(t *testing.T) pac.Script {
	t.Helper()
	table, err := tagging.New(tagging.Config{Version: "v2"}, "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
	if err != nil {
		t.Fatal(err)
	}
	finder, err := tokens.New(tokens.Config{}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return pac.Script{Restricted: proxy.Restricted(table, finder), Exempt: tagging.Exempt()}
}

// noon makes the functions about time see the moment that testdata/builtins.txt
// is about: they read the clock with new Date().
const noon = `
var RealDate = Date;
Date = function (y, m, d, h, i, s) {
  return arguments.length === 0 ? new RealDate(2026, 10, 18, 11, 0, 0) : new RealDate(y, m, d, h, i, s);
};
`

// TestTheFunctionsThatLintRunsAreThoseOfBrowsers asks browsers about each row of
// the table that pac/judge is tested with: a row that holds comes through the
// proxy, another one does not. Rows about addresses and the DNS are left out.
func TestTheFunctionsThatLintRunsAreThoseOfBrowsers(t *testing.T) {
	table, err := os.ReadFile("../pac/judge/testdata/builtins.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(table)) {
		expression, value, ok := strings.Cut(strings.TrimSpace(line), " -> ")
		if !ok || line[0] == '#' || strings.Contains(expression, "esol") || strings.Contains(expression, "yIp") || strings.Contains(expression, "typeof") ||
			strings.HasPrefix(expression, "isInNet") && strings.Contains(expression, ".example") || strings.HasPrefix(expression, "isInNetEx") {
			continue
		}
		rows = append(rows, fmt.Sprintf("\"\" + (%s) === %q", expression, value))
	}
	if len(rows) < 60 {
		t.Fatalf("%d rows", len(rows))
	}
	bothBrowsers(t, func(t *testing.T, open func(t *testing.T, file, page string)) {
		var list []string
		for i := range rows {
			list = append(list, fmt.Sprintf("row-%d.example", i))
		}
		c := newCrossing(t, list)
		at := c.proxy(t)
		var file strings.Builder
		file.WriteString(noon + "function FindProxyForURL(url, host) {\n  switch (host) {\n")
		for i, row := range rows {
			fmt.Fprintf(&file, "  case \"row-%d.example\": return %s ? \"PROXY %s\" : \"DIRECT\";\n", i, row, at)
		}
		file.WriteString("  }\n  return \"DIRECT\";\n}\n")
		page, address := c.page(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-ns-proxy-autoconfig")
			_, _ = io.WriteString(w, file.String())
		}), list)
		open(t, address, page)
		for i, row := range rows {
			if got := c.way(list[i]); got != "PROXY "+at {
				t.Errorf("%s does not hold: %q", row, got)
			}
		}
	})
}

func (c *crossing) way(host string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ways[host]
}
