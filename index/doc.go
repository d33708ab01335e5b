// Package index says what a search index is: the contract that every kind of index keeps,
// and the pieces that kinds share.
//
// There are two contracts. A [Dense] index answers with the nearest vectors, a [Sparse] index
// with the largest products of vectors that are nearly all 0. Both number their rows with ordinals that count up from 0 in order of
// Add, answer with [Candidate] lists, best first, and narrow the search itself by an allow
// [Bitset]: k candidates come back whenever k allowed rows match, however few rows are allowed.
//
// # What it owns
//
//   - [Dense] and [Sparse]
//   - [Bitset], sets of ordinals
//   - [TopK], the bounded selection of the best candidates, with the one order that all
//     indexes answer in: larger score first, then smaller ordinal
//   - [Recall], how much of the right answer an approximate one holds
//   - [Stopped], the coded error of a search whose caller has left
//
// # What it leaves to others
//
// The kinds live in child packages: index/flat (exact vectors), index/hnsw (graphs of them),
// index/sparse (sparse vectors). index/bm25/segment searches words in parts, with a contract of its
// own. index/payload is of another kind: it
// answers which rows a filter and a principal let through, the [Bitset] that the others take.
// The kernels are in index/distance, the conformance suites that every kind must pass in
// index/indextest. An index knows ordinals, not documents: what a row means, who may see
// it, where it is stored and when an index is compacted is decided by the collection. An
// index is derived data: it lives in memory, is built from storage, and can be dropped and
// built again.
//
// # Concurrency
//
// One writer (Add, Remove) may run beside any number of readers (Search, Vector, Compact,
// Len, Bytes). Two writers must not overlap. A search sees every row whose Add returned
// before the search began; it may or may not see rows added while it runs, and it does not
// answer with a row whose Remove returned before it began.
package index
