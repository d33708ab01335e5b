//go:build race

package builtin_test

// raced says that pools forget at random, so that allocations cannot be counted.
const raced = true
