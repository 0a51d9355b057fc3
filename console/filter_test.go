package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
)

func TestAFilterListsWhatFits(t *testing.T) {
	refused, passed, observed := refusal(), signIn(), refusal()
	observed.Observed, observed.Denied, observed.Verdict, observed.Action = true, false, "forward", "request-forwarded"
	observed.AccountTenant, observed.Credentials, observed.Host = home, nil, "contoso.sharepoint.com"
	_, s := opened(t, refused, passed, observed)
	for query, want := range map[string]string{
		"":                                 "r s o",
		"verdict=block":                    "r",
		"verdict=would+block":              "o",
		"verdict=forward":                  "s",
		"verdict=nonsense":                 "r s o",
		"relation=external":                "r o",
		"relation=none":                    "s",
		"tenant=33333333":                  "r o",
		"tenant=contoso":                   "o",
		"tenant=" + foreign:                "r o",
		"tenant=44444444":                  "",
		"q=MALLORY":                        "r",
		"q=10.0.0.8":                       "s",
		"q=sharepoint":                     "o",
		"q=" + url.QueryEscape("ö\xff "):   "",
		"verdict=block&relation=consumer":  "",
		"verdict=block&q=graph&live=1":     "r",
		"q=" + strings.Repeat("x", 100000): "",
	} {
		got := ask(t, http.MethodGet, s.URL+"/?"+query, "").body
		var listed []string
		for name, e := range map[string]*audit.Event{"r": refused, "s": passed, "o": observed} {
			if strings.Contains(got, "/event/"+e.ID) != strings.Contains(want, name) {
				listed = append(listed, name)
			}
		}
		if len(listed) > 0 {
			t.Errorf("?%.60s: %v is listed wrongly, want %q", query, listed, want)
		}
	}
}

func TestALiveListKeepsItsFilter(t *testing.T) {
	_, s := opened(t, refusal())
	got := ask(t, http.MethodGet, s.URL+"/?verdict=block", "").body
	if strings.Contains(got, `http-equiv="refresh"`) || !strings.Contains(got, `href="/?verdict=block&amp;live=1"`) {
		t.Error("a list that is not live has no way to be")
	}
	got = ask(t, http.MethodGet, s.URL+"/?verdict=block&live=1", "").body
	if !strings.Contains(got, `http-equiv="refresh" content="5"`) || !strings.Contains(got, `href="/?verdict=block"`) || !strings.Contains(got, `name="live" value="1"`) {
		t.Error("a live list does not ask again, or forgets its filter")
	}
}
