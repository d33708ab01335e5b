// Package quant makes vectors small: rows of one byte, four bits or one bit a dimension,
// that are scored against a query without being unpacked, with a bound on how far the score
// may be from the true one. The bound, not a constant, decides how many rows must be looked
// at again in full.
//
// There is nothing to train. A [Quantizer] is made from [Options]: the kind, the dimension,
// the metric, the seed of a random rotation and optionally a center near the vectors' mean.
// An [Encoder] turns vectors into rows, which the caller keeps in memory, in any order and
// at any distance. A [Query] scores them through a distance.Scorer and tells the [Query.Bound]
// of each score. [Rerank] takes scores with bounds and finds the k best rows, reading as few
// full vectors as the bounds allow.
//
// # Rows
//
// A row is a code and twelve bytes of corrections, little-endian:
//
//	kind   code                                            corrections
//	none   float32 a dimension                             none
//	int8   a signed byte a dimension                       float32 addend, float32 factor,
//	int4   4 bits a dimension, the even one low            bfloat16 length of the error,
//	bit1   1 bit a dimension, filled to whole 8 bytes      bfloat16 length of the code
//
// Rows depend on the vector and the options. They may differ between CPUs where the
// rotation rounds differently; that moves scores within their bounds and nothing else.
//
// Scores are smaller for better rows: the squared distance under l2, the negated inner
// product else. The package leaves to others where rows are kept, which rows are scored,
// and the full vectors.
package quant
