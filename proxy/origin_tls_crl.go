package proxy

// RevocationLists is filled in next.
type RevocationLists struct{}
