package tokens

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
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

func TestEverySetHasItsKeys(t *testing.T) {
	f, err := New(Config{}, throwaway)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*cache{f.cache, finder(t).cache} {
		used := map[*set]bool{}
		for i := range 1 << 16 {
			used[c.at(&key{sum: sum{byte(i), byte(i >> 8)}})] = true
		}
		if len(used) != len(c.sets) {
			t.Errorf("%d of %d sets are used", len(used), len(c.sets))
		}
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
	chance := rand.New(rand.NewPCG(1, 2))
	another := func() {
		var k key
		binary.LittleEndian.PutUint64(k.sum[:], chance.Uint64())
		c.put(&k, nil)
	}
	for range 4 * few {
		another()
	}
	keys := make([]key, 20)
	for i := range keys { // in a set each: texts that are alike may share one (GHASH is linear)
		keys[i].sum = sum{0: byte(i), 15: 1}
		c.put(&keys[i], nil)
		c.get(&keys[i])
	}
	for i := range 4 * few {
		if _, ok := c.get(&keys[i%len(keys)]); !ok {
			t.Fatalf("forgotten after %d new ones", i)
		}
		another()
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

func fewEntries(t *testing.T) *cache {
	t.Helper()
	c, err := newCache(fewSets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inSet is the i-th of some keys that share a set.
func inSet(i byte) *key { return &key{sum: sum{3: i, 15: i}} }

func TestEveryCacheHasAKeyOfItsOwn(t *testing.T) {
	var a, b sum
	fewEntries(t).sum(&a, graph)
	fewEntries(t).sum(&b, graph)
	if a == b {
		t.Error("a credential has the same sum in two caches")
	}
}

func TestACredentialHasOneEntry(t *testing.T) {
	c := fewEntries(t)
	for range 3 {
		c.put(inSet(1), nil)
	}
	c.put(inSet(2), nil)
	if n := c.len(); n != 2 {
		t.Errorf("%d entries of two credentials", n)
	}
	other := inSet(1)
	other.form = asKey
	if _, ok := c.get(other); ok {
		t.Error("read in another form it is taken for the same")
	}
}

// A set is full of credentials that are in use: the next one takes the place of
// one of them, by chance, and the rest must be asked for again to stay.
func TestOneOfManyCredentialsInUseMakesRoom(t *testing.T) {
	for chance := range byte(cacheWays) {
		c := fewEntries(t)
		for i := range byte(cacheWays) {
			c.put(inSet(i), nil)
			c.get(inSet(i))
		}
		more := &key{sum: sum{3: chance, 4: 1, 15: 100}}
		c.put(more, nil)
		for i := range byte(cacheWays) {
			if e := c.at(more)[i].Load(); (e.key == *more) != (i == chance) || e.again.Load() {
				t.Errorf("the %dth of chance %d: %v, asked for again %v", i, chance, e.key, e.again.Load())
			}
		}
	}
}

func TestWhatNobodyAskedForAgainMakesRoom(t *testing.T) {
	c := fewEntries(t)
	for i := range byte(cacheWays) {
		c.put(inSet(i), nil)
		if i != 5 {
			c.get(inSet(i))
		}
	}
	c.put(inSet(100), nil)
	for i := range byte(cacheWays) {
		if _, ok := c.get(inSet(i)); ok == (i == 5) {
			t.Errorf("the %dth: %v", i, ok)
		}
	}
}

// An entry lasts until the first of its tokens expires, and its place is free
// from then on.
func TestWhatHasExpiredMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fewEntries(t)
		now := time.Now()
		after := func(d time.Duration) *Token { return &Token{Expires: now.Add(d)} }
		for i := range byte(cacheWays) {
			c.put(inSet(i), []*Token{after(2 * time.Hour), {}, after(time.Duration(i+1) * time.Hour), after(9 * time.Hour)})
			c.get(inSet(i))
		}
		time.Sleep(time.Hour - 4*time.Second)
		if _, ok := c.get(inSet(0)); !ok {
			t.Error("the first is forgotten early")
		}
		time.Sleep(2 * time.Second) // the clock is two seconds early at most
		if _, ok := c.get(inSet(0)); ok {
			t.Error("the first has expired")
		}
		c.put(inSet(100), nil)
		for i := range byte(cacheWays) {
			if _, ok := c.get(inSet(i)); ok != (i != 0) {
				t.Errorf("the %dth: %v", i, ok)
			}
		}
		time.Sleep(time.Hour)
		for i := range byte(cacheWays) {
			if _, ok := c.get(inSet(i)); ok {
				t.Errorf("the %dth outlives the first of its tokens", i)
			}
		}
		c = fewEntries(t)
		now = time.Now()
		c.put(inSet(1), []*Token{after(2 * time.Second)})
		if n := c.len(); n != 0 {
			t.Error("what expires by now is remembered")
		}
		c.put(inSet(1), []*Token{after(3 * time.Second)})
		if n := c.len(); n != 1 {
			t.Error("what expires soon is not remembered")
		}
	})
}

func TestWhatWasKnownAlreadyIsCounted(t *testing.T) {
	f := finder(t)
	for i := range 64 {
		r := request(graph, "Authorization", fmt.Sprintf("Bearer opaque-%d", i))
		for range 3 {
			if _, err := f.Find(nil, "graph.microsoft.com", r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if hits, misses := f.Stats(); hits != 128 || misses != 64 {
		t.Errorf("%d hits, %d misses", hits, misses)
	}
}
