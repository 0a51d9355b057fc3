package console

import "net/http"

type eventData struct {
	Frame
	Line
	Seq    uint64
	Words  string // what a refusal tells the person
	Fields []Field
}

// event is the page of one event, with all its fields.
func (c *Console) event(w http.ResponseWriter, r *http.Request) {
	e, ok := c.Recent.find(r.PathValue("id"))
	if !ok {
		show(w, http.StatusNotFound, missingPage, c.frame("No such event", ""))
		return
	}
	row, err := e.row()
	fields, err2 := e.fields()
	if err != nil || err2 != nil {
		show(w, http.StatusNotFound, missingPage, c.frame("No such event", ""))
		return
	}
	d := eventData{Frame: c.frame("Event", ""), Seq: e.seq, Fields: fields}
	d.Line = c.line(row, d.Status.Tenant)
	if row.Own.Verdict == "block" && row.Event.Action != "bypass-signal" { // which is of another request, or of none
		d.Words = c.words(row.Own.Reason)
	}
	show(w, http.StatusOK, eventPage, d)
}

// hosts is the page of what is decrypted and what never is.
func (c *Console) hosts(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, hostsPage, c.frame("Hosts", "hosts"))
}
