// Package flat searches vectors exactly: every allowed row is compared with the query.
//
// An [Index] is the dense index of collections of any size for which a scan is fast enough,
// of rows that are too fresh to be in a graph, and of every answer that recall is measured
// against. It keeps the contract of [index.Dense].
//
// # Scores
//
// A score is the exact one, rounded to float32 once: the same bits on every CPU, so that
// nodes of a cluster answer alike and ties are real ties. The fast kernels of
// index/distance only decide which rows cannot matter; see DESIGN.md. A score beyond the
// range of float32 (possible under dot and l2 with huge numbers) is answered as the
// largest finite float32 of its sign.
//
// # Memory
//
// Rows lie one after another in blocks of about 256 KiB without a pointer per row. The
// first block starts small and grows by copying, so that ten thousand nearly empty
// collections cost little; later blocks have their full size from the start. A row never
// changes once it was added, and slices returned by [Index.Vector] stay valid.
//
// # Goroutines
//
// A search of more than a few MiB is shared by helper goroutines, at most one for each CPU
// in all searches of an index together. Search waits for its helpers before it returns,
// also when its context ends; nothing runs between searches.
package flat
