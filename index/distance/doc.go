// Package distance compares vectors: dot product, squared Euclidean distance and norm, of
// float32 and of what quantization makes of it, one pair at a time or one query against
// many rows. It also holds the two transforms that quantization needs at speed ([Hadamard],
// [RoundInt8]). DESIGN.md has the reasons and the measurements.
//
// # Pairs and rows of float32
//
// The fast functions ([Dot], [L2Squared], [DotRows], [L2SquaredRows]) add up in float32, in
// an order that depends on the CPU: AVX2 assembly (viterin/vek) where the CPU has it, an
// unrolled Go loop elsewhere. Their results may differ between CPUs in the last bits;
// [RelativeError] bounds by how much.
//
// The exact ones ([DotExact], [L2SquaredExact], [Norm]) add up in float64, in one fixed
// order and with one rounding for each operation, so that every CPU gets the same bits,
// right to well beyond float32; [ExactRows] takes several rows at once. They are slower. An
// index scans with the fast ones and lets the exact ones decide between the rows that matter.
//
// Vectors of a pair must have the same length, and a slice of rows must be a whole number
// of query lengths; anything else is a bug of the caller and panics. A sum that is NaN or
// leaves the range of float32 is NaN or infinite in the fast functions (which of the two
// may depend on the CPU), never a finite number.
//
// # Batches
//
// A [Scorer] compares one query with rows of a flat region of bytes, in any [Format], by
// ids ([Scorer.Batch]) or in sequence ([Scorer.Scan]); one call of assembly scores all of
// them and writes only the scores below a threshold, with their positions. Sums of codes
// are exact and the same on every CPU; scores, and sums of floats, may differ in the last
// bits, within [RelativeError] for floats. The region may be a mapped file: a fault while
// it is read is an error under [Guard], where it would else end the program. An id beyond
// the region is a bug of the caller and panics before anything is read.
//
// # Choice of kernels
//
// The kernels in Go always exist and are the reference. At start the best set for the CPU
// is chosen: "avx512" (with VNNI and VPOPCNTDQ), "avx2" (with FMA, F16C, BMI2), or "go".
// [Kernel] names it, [Force] chooses another. The assembly is written by the module in gen.
//
// # Walks
//
// A [Walk] is a best-first search through a graph of rows: the inner loop of a graph index,
// many nodes with one call. Others may change links meanwhile. The package knows nothing
// else of indexes.
package distance
