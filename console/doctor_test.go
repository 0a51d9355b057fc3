package console

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func examined(findings ...Finding) func() Examination {
	return func() Examination {
		e := Examination{Every: 5 * time.Minute, Findings: findings, Devices: []Command{{What: "A device", Line: "tenantgate doctor --from-client"}}}
		if findings != nil {
			e.When = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
		}
		return e
	}
}

func TestTheDoctorsPageTellsHowTheLastExaminationEnded(t *testing.T) {
	c, s := opened(t)
	tag := Finding{"tag", "fail", "Entra let the canary sign in <b>", "no tag arrived"}
	for _, tt := range []struct {
		name, page, json string
		examined         func() Examination
	}{
		{"not wired", "does not examine itself", `{"checks":[],"every_seconds":0}`, nil},
		{"not set up", "doctor: {every: 5m}", `{"checks":[],"every_seconds":0}`, func() Examination { return Examination{} }},
		{"not yet", "has not ended the first time", `{"checks":[],"every_seconds":300}`, examined()},
		{"all well", "No check failed<", `{"checks":[{"check":"proxy","status":"pass","what":"it answers"}],"every_seconds":300,"ok":true,"when":"2026-03-01T09:30:00Z"}`,
			examined(Finding{"proxy", "pass", "it answers", ""})},
		{"broken", "Sign-ins are not restricted as they should be",
			`{"checks":[{"check":"tag","status":"fail","what":"Entra let the canary sign in \u003cb\u003e","hint":"no tag arrived"}],"every_seconds":300,"ok":false,"when":"2026-03-01T09:30:00Z"}`, examined(tag)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.Examined = tt.examined
			page := ask(t, "GET", s.URL+"/doctor", "")
			if page.status != 200 || !strings.Contains(page.body, tt.page) || strings.Contains(page.body, "in <b>") {
				t.Errorf("%d, %s", page.status, page.body)
			}
			for _, got := range []answer{ask(t, "GET", s.URL+"/doctor?format=json", ""), ask(t, "GET", s.URL+"/doctor", "", "Accept", "application/json")} {
				if !json.Valid([]byte(got.body)) || strings.TrimSpace(got.body) != tt.json || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("%s", got.body)
				}
			}
		})
	}
}
