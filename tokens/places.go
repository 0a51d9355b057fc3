package tokens

// place finds the values of one place in a request and reads them.
type place struct {
	name       string
	everywhere bool // on sign-in hosts too
	find       func(*search)
}

// places are where credentials stand, in the order in which they are looked
// for. Bodies have a table of their own, bodies.
var places = [...]place{
	{"authorization", true, authorization},
	{"auxiliary", true, auxiliary},
	{"query", false, query},
	{"cookies", false, cookies},
	{"headers", false, headers},
	{"subprotocol", false, subprotocol},
	{"copy source", false, copySource},
	{"body", false, body},
}
