// Package indextest holds the conformance suites of package index: what every kind of
// index must do, in tests that each kind runs in three lines.
//
//	func TestConformance(t *testing.T) {
//		indextest.Dense(t, func(dim int, m lode.Metric) index.Dense { return flat.New(dim, m) })
//	}
//
// The suites compare an index with a plain model under seeded random operations, and print
// the seed when they fail. Run them with the race detector too: part of the contract is a
// writer beside readers. [Dense] demands the exact answer; an approximate index runs it in
// a configuration that looks at every row, and measures its recall elsewhere.
package indextest
