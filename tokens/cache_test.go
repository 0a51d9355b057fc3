package tokens

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRememberedTokenIsParsedAgainOnceItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := finder(t)
		exp := time.Now().Add(time.Hour).Unix()
		r := request(graph, "Authorization", "Bearer "+sign(fmt.Sprintf(`{"tid":"%s","exp":%d}`, foreign, exp)))
		find := func() *Token {
			found, err := f.Find(nil, "graph.microsoft.com", r)
			if len(found) != 1 || found[0].Tenant != foreign || err != nil {
				t.Fatal(found, err)
			}
			return found[0]
		}
		first := find()
		if find() != first {
			t.Error("a token that was seen is parsed again")
		}
		time.Sleep(time.Hour)
		if find() == first {
			t.Error("a token is remembered past exp")
		}
		if a, b := find(), find(); a == b {
			t.Error("an expired token is remembered")
		}
	})
}

// A cache of few entries, soon full.
const (
	fewSets = 64
	few     = fewSets * cacheWays
)

func TestCacheIsBounded(t *testing.T) {
	c, err := newCache(fewSets)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * few {
		var k key
		c.sum(&k.sum, fmt.Sprint(i))
		c.put(&k, nil)
	}
	if n := c.len(); n > few || n < few/2 {
		t.Errorf("%d entries, want at most %d", n, few)
	}
}

func TestCacheTellsCredentialsApartByEveryOctet(t *testing.T) {
	c, err := newCache(fewSets)
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(credentials["home"])
	seen := map[sum]bool{}
	for i := range raw {
		raw[i] ^= 1
		var s sum
		c.sum(&s, string(raw))
		raw[i] ^= 1
		if seen[s] {
			t.Fatalf("octet %d does not matter", i)
		}
		seen[s] = true
	}
}

func TestSeenTokenIsNamedWhereItStands(t *testing.T) {
	f := finder(t)
	for place, body := range map[Place][2]string{
		InForm: {"application/x-www-form-urlencoded", "id_token=" + credentials["foreign"]},
		InJSON: {"application/json", `{"id_token":"` + credentials["foreign"] + `"}`},
	} {
		for range 2 {
			r := httptest.NewRequest(http.MethodPost, graph, strings.NewReader(body[1]))
			r.Header.Set("Content-Type", body[0])
			if found, err := f.Find(nil, "graph.microsoft.com", r); len(found) != 1 || found[0].Place != place || err != nil {
				t.Errorf("%s: %v, %v", place, found, err)
			}
		}
	}
}

func TestSeenTokenCostsNoAllocation(t *testing.T) {
	f := finder(t)
	r := request(graph+"?$top=5&$select=id,displayName", "Authorization", "Bearer "+big, "Cookie", "a=b; c=d")
	found := make([]*Token, 0, 4)
	find := func() { found, _ = f.Find(found[:0], "graph.microsoft.com", r) }
	find()
	if n := testing.AllocsPerRun(200, find); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if len(found) != 1 || found[0].Tenant != home {
		t.Error(found)
	}
}

var big = mint(home, `"groups":["`+strings.Repeat("x", 1300)+`"]`)

func TestAFloodOfNewCredentialsLeavesTheOnesInUse(t *testing.T) {
	c, err := newCache(fewSets)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]key, 20)
	for i := range keys {
		c.sum(&keys[i].sum, fmt.Sprint("in use ", i))
		c.put(&keys[i], nil)
	}
	for i := range 4 * few {
		var k key
		c.sum(&k.sum, fmt.Sprint(i))
		if _, ok := c.get(&keys[i%len(keys)]); !ok {
			t.Fatalf("forgotten after %d new ones", i)
		}
		c.put(&k, nil)
	}
}

func TestAFullSetTakesAnotherCredential(t *testing.T) {
	c, err := newCache(fewSets)
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(4 * cacheWays) {
		k := key{sum: sum{15: i, 3: i}} // of one set, every one asked for again
		c.put(&k, nil)
		if _, ok := c.get(&k); !ok {
			t.Fatalf("the %dth is not remembered", i)
		}
	}
}
