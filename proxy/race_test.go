//go:build race

package proxy_test

// slowed says that the race detector is on, and each run takes several times as long.
const slowed = true
