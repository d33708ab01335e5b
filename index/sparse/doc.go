// Package sparse searches sparse vectors: an inverted index in memory that ranks by dot product.
//
// An [Index] keeps the contract of [index.Sparse]. Its answers are exact, to the bit of every
// score.
//
// # Structure
//
//	dimensions   dimension -> number of its list
//	lists        for each dimension the rows that have it, ascending, with their values
//
// Everything is append-only. A search copies the headers of the lists it needs under a read lock
// and then runs beside the writer. See DESIGN.md for why it is so.
package sparse
