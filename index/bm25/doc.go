// Package bm25 searches words: an inverted index in memory that ranks by BM25.
//
// An [Index] keeps the contract of [index.Lexical], and of [index.Bounded]. Texts and
// queries become terms by the rules of internal/text; a row matches a query when it has a
// term in common with it.
//
// # Score
//
// Over the terms t of the query, q times in it and f times in a row of n terms:
//
//	score = Σ q · idf(t) · f·(k1+1) / (f + k1·(1 - b + b·n/average))
//	idf   = ln(1 + (N - df + 0.5) / (df + 0.5))
//
// N counts the rows that hold a term at all, df those that hold t, and the average is over
// the same N rows; all three are exact, whatever was added and removed before. The
// defaults k1 = 0.9 and b = 0.4 are the published ones of Anserini. Sums run over the
// terms in order of their bytes, so that equal statistics give bit-equal scores: it does
// not matter in which order rows were added, which were removed, or whether the index was
// compacted.
//
// # Structure
//
//	dictionary   term -> term number
//	postings     for each term the rows that hold it and how often, as varints of
//	             (distance to the row before)·2 + (1 if the count follows)
//	rows         for each row its length, and its term numbers as varints of distances,
//	             from which Remove knows what to subtract
//
// Everything is append-only but the counts and a row's length, which Remove sets to 0. A
// search copies what it needs under a read lock in microseconds and then runs beside the
// writer. See DESIGN.md for why it is so.
package bm25
