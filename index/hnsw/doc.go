// Package hnsw finds nearest vectors in a graph: approximately, and a hundred times faster
// than a scan. It is the index of collections that are too large to be scanned.
//
// An [Index] grows: [Index.Add] and [Index.AddBatch] link rows into the graph, the latter on
// all CPUs; [Index.Delete] takes rows out of the answers. It keeps the contract of
// index.Dense but for one word: the rows of an answer are the best that were found, not
// always the best there are. How many are found depends on the breadth of the search,
// [SearchOptions].Ef. Everything else holds as for an exact index: scores are exact and the
// same on every CPU, ties go to the smaller ordinal, and k rows come back whenever k match,
// however few are allowed and however many were deleted.
//
// [Index.Seal] writes rows and graph to a file, laid out in the order in which searches meet
// rows, and [Open] searches that form in place, in memory that somebody else maps; a
// [Sealed] does not change. [Index.Freeze] does the same in memory: of rows that come no
// more it is the fastest form. Both forms search alike: Search, SearchWith (all options),
// SearchBatch (many queries on several threads), Radius (all rows within a distance).
//
// # How a search goes
//
// The graph is traversed over small codes of the vectors (index/quant), some thirty of them
// compared by one call of assembly. The codes' error bounds then say which rows may be among
// the k best; those alone are compared in full. Where nearly all rows
// are wanted, the codes of all of them are compared instead.
//
// Under a filter, or with deleted rows, a [Planner] chooses between three plans: a scan of the
// rows that pass, a broader walk over all rows, or a walk over those that pass alone. It goes by
// a [CostModel] that is measured on this machine, by what the walk sees near the query, and by
// what it has learnt from earlier searches. [Stats] tells what a search did and why.
//
// # Numbers
//
// Vectors must be finite and, under cosine, not zero. Vectors longer than 2^60 cannot be
// coded; rows of that kind are in no graph and are compared by every search, and queries of
// that kind are compared with every row.
//
// # Memory and concurrency
//
// Rows lie in flat arrays, which are outside of the Go heap once they are large, in huge
// pages where the system offers them; the garbage collector has nothing to do with them, and
// they are returned when the index is unreachable. One writer at a time is let in; others
// wait. Searches take no lock and may run beside a writer.
package hnsw
