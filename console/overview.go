package console

import (
	"net/http"
	"time"
)

// refreshEvery is how often a page that follows the events asks again, in
// seconds.
const refreshEvery = 5

// Party is a tenant on a page, with its name where that is known.
type Party struct {
	ID, Name string
	Home     bool
}

// Line is one event in the list.
type Line struct {
	Row
	AccountOf, For Party
}

type overviewData struct {
	Frame
	Components          []Component
	Ready               bool
	Counts              []Count
	Most, Total         uint64
	Filter              Filter
	Verdicts, Relations []string
	Lines               []Line
	Matched             int
	Live                bool
	Up                  string
}

// overview is the first page: how the proxy is, and what it did lately.
func (c *Console) overview(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d := overviewData{Frame: c.frame("Overview", "overview"), Components: c.Ready(), Ready: true,
		Counts: c.Recent.Counts(), Filter: filterOf(q), Verdicts: verdicts, Relations: relations, Live: q.Get("live") == "1"}
	if d.Live {
		d.Refresh = refreshEvery
	}
	for _, p := range d.Components {
		d.Ready = d.Ready && p.OK
	}
	for _, n := range d.Counts {
		d.Most, d.Total = max(d.Most, n.N), d.Total+n.N
	}
	rows, matched := c.rows(d.Filter)
	d.Matched = matched
	for _, row := range rows {
		d.Lines = append(d.Lines, c.line(row, d.Status.Tenant))
	}
	d.Up = time.Since(d.Status.Started).Truncate(time.Second).String()
	show(w, http.StatusOK, overviewPage, d)
}

func (c *Console) line(row Row, home string) Line {
	return Line{row, c.party(row.Own.Account, home), c.party(row.Resource(), home)}
}

func (c *Console) party(id, home string) Party {
	return Party{ID: id, Name: c.name(id), Home: id != "" && id == home}
}

// Toggle is where the list goes on live, or stops to.
func (d overviewData) Toggle() string {
	query := d.Filter.Query()
	switch {
	case d.Live:
		return "/?" + query
	case query == "":
		return "/?live=1"
	default:
		return "/?" + query + "&live=1"
	}
}
