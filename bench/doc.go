// Package bench measures a node the way its users would: through its HTTP API, on data that
// anybody can look at.
//
//	quality   nDCG@10 and recall of a BEIR data set, lexical, dense and hybrid
//	chunking  token recall, precision and IoU of what is retrieved, for every chunking strategy
//	ingest    documents and bytes per second of a folder, and the share of each stage
//	spans     every citation of random chunks, followed to its bytes and verified
//	crash     kill -9 at random moments of an ingest: nothing lost, nothing doubled
//	backup    speed of backup and restore, damage refused, searches meanwhile
//	writes    acknowledged writes against appends to the bare log store
//	disk      disk space and bytes written by the data, and a start with many collections
//	pause     how long garbage collections stop the world beside a million vectors
//	segments  sealed segments against memory, starts, inserts, searches beside sealing
//	http      searches for vectors over HTTP beside a bare handler and the search in the process
//	lexical   words in a sealed segment: build, size, and queries beside another engine
//	rerank    what re-rankers change of the answers to hybrid and dense queries, and what they take
//	adapt     what training the built-in model on a collection's own texts changes
//	flips     single bits flipped in segments: each found and mended, nothing read wrong
//	start     time until ready on an empty folder, memory when idle, size of the program
//
// Each run writes a [Report] as JSON: its command, commit, seed, machine and date beside the
// figures. The tables of docs/benchmarks.md are generated from the committed reports by
// [Tables], and a test holds the two together.
//
// Figures of shared machines are noisy: compare ratios within one report, not absolute
// values between reports.
package bench
