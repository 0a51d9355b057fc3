package audit

import "slices"

// JSON returns the line that e would be in the event log of o, newline
// included, with sequence number 0.
func (e *Event) JSON(o Observer) []byte {
	var x encoder
	x.encode(e, appendObserver(nil, o), 0)
	return slices.Insert(x.b, x.seqAt, '0')
}
