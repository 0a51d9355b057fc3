package tokens

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tenantgate/tenantgate/hosts"
)

// untouched fails the test when it is read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) { u.t.Error("the body is read"); return 0, io.EOF }
func (u untouched) Close() error             { return nil }

func TestBodyIsReadOnlyWhereItCouldCarryACredential(t *testing.T) {
	const formType = "application/x-www-form-urlencoded"
	for _, tt := range []struct{ name, target, contentType string }{
		{"another host", "https://login.microsoftonline.com/common/oauth2/token", formType},
		{"an upload", "https://contoso.sharepoint.com/_api/upload", "application/octet-stream"},
		{"no type", graph, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tt.target, nil)
			r.Body, r.ContentLength = untouched{t}, -1
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if _, err := finder(t).Find(nil, hosts.Name(r.URL.Hostname()), r); err != nil {
				t.Error(err)
			}
		})
	}
	r := httptest.NewRequest(http.MethodPost, graph, nil)
	r.Header.Set("Content-Type", formType)
	r.Body, r.ContentLength = untouched{t}, 0
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); err != nil {
		t.Error(err)
	}
	r.Body, r.ContentLength = untouched{t}, maxBody+1
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("declared too large: %v", err)
	}
}

// A form past its limit is refused. What is past it in any other type is
// content, but in a batch.
func TestABodyIsReadUpToTheLimitOfItsType(t *testing.T) {
	token := credentials["foreign"]
	for kind, c := range map[string]struct {
		limit       int
		start, end  string
		long, batch error
	}{
		"application/x-www-form-urlencoded": {maxBody, "access_token=" + token + "&", "", ErrTooLarge, ErrTooLarge},
		"multipart/form-data; boundary=b": {maxBody, "--b\r\nContent-Disposition: form-data; name=token\r\n\r\n" + token +
			"\r\n--b\r\nContent-Disposition: form-data; name=x\r\n\r\n", "\r\n--b--", nil, ErrTooLarge},
		"multipart/mixed; boundary=b": {4 << 20, "Authorization: Bearer " + token + "\r\n", "", nil, ErrTooLarge},
		"application/json":            {4 << 20, `{"access_token":"` + token + `","x":"`, `"}`, nil, ErrTooLarge},
	} {
		for over := range 2 {
			body := c.start + strings.Repeat("x", c.limit-len(c.start)-len(c.end)+over) + c.end
			for path, want := range map[string]error{"/v1.0/x": c.long, "/v1.0/$batch": c.batch} {
				if over == 0 {
					want = nil
				}
				for _, declared := range []int64{int64(len(body)), -1} {
					r := httptest.NewRequest(http.MethodPost, "https://graph.microsoft.com"+path, strings.NewReader(body))
					r.ContentLength = declared
					r.Header.Set("Content-Type", kind)
					if found, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, want) || (len(found) == 1) != (over == 0) {
						t.Errorf("%s, %s: %d octets, %d declared: %v, %v", kind, path, len(body), declared, found, err)
					}
				}
			}
		}
	}
}

func TestARequestWithoutABodyStaysOne(t *testing.T) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		r := request(graph, "Content-Type", "application/x-www-form-urlencoded")
		r.Method, r.Body, r.ContentLength = http.MethodPost, body, -1
		if found, err := finder(t).Find(nil, "graph.microsoft.com", r); len(found) > 0 || err != nil || r.Body != body {
			t.Errorf("%v, %v, %v", found, err, r.Body)
		}
	}
}

func TestLongBodyStillArrives(t *testing.T) {
	sent := strings.Repeat("a=b&", maxBody/2)
	r := httptest.NewRequest(http.MethodPost, graph, strings.NewReader(sent))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
	got, err := io.ReadAll(r.Body)
	if string(got) != sent || err != nil || r.ContentLength != -1 {
		t.Errorf("%d of %d octets arrive: %v", len(got), len(sent), err)
	}
}

func TestLongContentStreamsPastButALongBatchIsRefused(t *testing.T) {
	sent := `{"x":"` + strings.Repeat("x", 5<<20) + `"}`
	for path, want := range map[string]error{"/v1.0/x": nil, "/v1.0/$batch": ErrTooLarge} {
		for _, length := range []int64{-1, int64(len(sent))} {
			r := httptest.NewRequest(http.MethodPost, "https://graph.microsoft.com"+path, strings.NewReader(sent))
			r.ContentLength = length
			r.Header.Set("Content-Type", "application/json")
			if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, want) {
				t.Errorf("%s: error is %v, want %v", path, err, want)
			}
			if got, err := io.ReadAll(r.Body); string(got) != sent || err != nil {
				t.Errorf("%s: %d octets arrive, %v", path, len(got), err)
			}
		}
	}
}

func TestCompressedBodyCannotGrowPastTheLimit(t *testing.T) {
	bomb := encode(t, []string{"gzip"}, make([]byte, 8<<20))
	r := httptest.NewRequest(http.MethodPost, graph, strings.NewReader(string(bomb)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Content-Encoding", "gzip")
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
}

func TestBrokenBodyStaysBroken(t *testing.T) {
	broke := iotest.ErrTimeout // once; what was read again afterwards would look whole
	r := httptest.NewRequest(http.MethodPost, graph, iotest.TimeoutReader(strings.NewReader("access_")))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrUninspectable) || !errors.Is(err, broke) {
		t.Errorf("error is %v", err)
	}
	if got, err := io.ReadAll(r.Body); string(got) != "access_" || !errors.Is(err, broke) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestABodyThatNobodyInspectsCostsNothing(t *testing.T) {
	f := finder(t)
	found := make([]*Token, 0, 4)
	for _, kind := range []string{"application/octet-stream", "image/jpeg", "text/xml; charset=utf-8", "application/mapi-http", ""} {
		r := request(graph, "Authorization", "Bearer "+big, "Content-Type", kind)
		r.Method, r.ContentLength, r.Body = http.MethodPut, 1<<30, unread{t}
		body := r.Body
		find := func() { found, _ = f.Find(found[:0], "graph.microsoft.com", r) }
		find()
		if n := testing.AllocsPerRun(100, find); n != 0 || r.Body != body {
			t.Errorf("%s: %v allocations, the body is replaced: %v", kind, n, r.Body != body)
		}
	}
}
