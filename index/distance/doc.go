// Package distance compares float32 vectors: dot product, squared Euclidean distance and
// norm, one pair at a time or one query against many rows.
//
// There are two families of functions.
//
// The fast ones ([Dot], [L2Squared], [DotRows], [L2SquaredRows]) add up in float32, in an
// order that depends on the CPU: AVX2 assembly (viterin/vek) where the CPU has it, an
// unrolled Go loop elsewhere, chosen once when the program starts. [Kernel] names the
// choice. Their results may differ between CPUs in the last bits; [RelativeError] bounds
// by how much.
//
// The exact ones ([DotExact], [L2SquaredExact], [Norm]) add up in float64, in one fixed
// order and without fused multiply-add, so that every CPU gets the same bits, right to
// well beyond float32. They are several times slower. An index scans with the fast ones
// and lets the exact ones decide between the rows that matter.
//
// Vectors of a pair must have the same length, and a slice of rows must be a whole number
// of query lengths; anything else is a bug of the caller and panics. A sum that is NaN or
// leaves the range of float32 is NaN or infinite in the fast functions (which of the two
// may depend on the CPU), never a finite number. The package knows nothing of indexes.
package distance
