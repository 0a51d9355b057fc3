package tokens

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkFindSeenBearer is the whole check of a request of the Graph SDK with
// a bearer of 2.5 KB that was seen before; the budget is half a microsecond.
func BenchmarkFindSeenBearer(b *testing.B) {
	token := mint(home, `"groups":["`+longList[:1500]+`"]`)
	f := finder(b)
	r := request(graph+"?$top=5", append(sdk, "Authorization", "Bearer "+token)...)
	found, _ := f.Find(make([]*Token, 0, 4), "graph.microsoft.com", r)
	b.SetBytes(int64(len(token)))
	b.ReportAllocs()
	for b.Loop() {
		found, _ = f.Find(found[:0], "graph.microsoft.com", r)
	}
}

// sdk is what the Graph SDK for JavaScript sends beside.
var sdk = []string{
	"User-Agent", "node", "Accept", "*/*", "Accept-Encoding", "gzip, deflate", "Accept-Language", "*",
	"Client-Request-Id", "y", "Sdkversion", "graph-js/3.0.7", "Sec-Fetch-Mode", "cors", "Content-Type", "application/json",
}

// BenchmarkFindNoBearer is the same request without it.
func BenchmarkFindNoBearer(b *testing.B) {
	f := finder(b)
	r := request(graph+"?$top=5", sdk...)
	b.ReportAllocs()
	for b.Loop() {
		f.Find(nil, "graph.microsoft.com", r)
	}
}

func BenchmarkFindInParallel(b *testing.B) {
	f := finder(b)
	r := request(graph, "Authorization", "Bearer "+big)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		found := make([]*Token, 0, 4)
		for pb.Next() {
			found, _ = f.Find(found[:0], "graph.microsoft.com", r)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(big)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(big)
	}
}

// BenchmarkParseLongest is a token of the length at which reading stops; the
// budget is a millisecond.
func BenchmarkParseLongest(b *testing.B) {
	long := mint(home, `"groups":["`+longList+`"]`)
	b.SetBytes(int64(len(long)))
	for b.Loop() {
		Parse(long)
	}
}

var longList = func() string {
	s := ""
	for range 1150 {
		s += `33333333-3333-3333-3333-333333333333","`
	}
	return s
}()

// BenchmarkFindBesideABodyNobodyReads is an upload with a seen bearer: it costs
// what the same request without a body does.
func BenchmarkFindBesideABodyNobodyReads(b *testing.B) {
	f := finder(b)
	r := request(graph, "Authorization", "Bearer "+big, "Content-Type", "application/octet-stream")
	r.Method, r.ContentLength, r.Body = http.MethodPut, 1<<30, unread{b}
	found, _ := f.Find(make([]*Token, 0, 4), "graph.microsoft.com", r)
	b.ReportAllocs()
	for b.Loop() {
		found, _ = f.Find(found[:0], "graph.microsoft.com", r)
	}
}

// unread is a body that fails a test if it is read.
type unread struct{ testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.Error("the body is read")
	return 0, io.EOF
}

func (u unread) Close() error { return nil }
