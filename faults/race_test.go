//go:build race

package faults_test

// raced tells that the race detector looks on; the program then has one too.
const raced = true
