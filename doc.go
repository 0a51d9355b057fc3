// Package tenantgate holds the tests that keep the repository as its
// documentation describes it: the import graph, the pages under docs, and the
// examples in them. The program is cmd/tenantgate.
package tenantgate
