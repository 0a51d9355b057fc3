package tokens

import (
	"io"
	"net/http"
	"testing"
)

func BenchmarkFindSeenBearer(b *testing.B) {
	f := finder(b)
	r := request(graph+"?$top=5", "Authorization", "Bearer "+big, "User-Agent", "x", "Accept", "*/*", "Client-Request-Id", "y")
	found := make([]*Token, 0, 4)
	b.SetBytes(int64(len(big)))
	b.ReportAllocs()
	for b.Loop() {
		found, _ = f.Find(found[:0], "graph.microsoft.com", r)
	}
}

func BenchmarkFindNothing(b *testing.B) {
	f := finder(b)
	r := request(graph, "User-Agent", "x")
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
	found := make([]*Token, 0, 4)
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
