// Package builtin holds the embedder that is part of the program: hash-v1, which needs no
// model file and no network.
//
// A text is folded to lower case without accents and cut into words. Each distinct word adds
// to the vector with a weight that grows with the number of its occurrences (slowly) and its
// length (a stand-in for rarity; frequent function words weigh little), and so do its parts
// of 3 to 5 letters with the word's edges marked, so that "washing" and "washed" are near.
// Scripts that are written without spaces give single characters and pairs. Every feature
// goes to one of 512 dimensions, with a sign, both taken from a 64-bit hash of its bytes.
// Different features may meet in one dimension; with signs the expected disturbance is zero.
//
// The sums are integers and the result is scaled to unit length with one square root and one
// division for each dimension, all of which IEEE 754 defines exactly. So vectors are equal to
// the bit on every CPU; a golden test holds them. A text without any feature (empty, or only
// punctuation) gets the direction of the empty feature, a vector like any other.
//
// The model knows words, not meaning: "car" and "automobile" are strangers. It is Static.
package builtin
