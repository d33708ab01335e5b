// Package builtin holds the embedders that are part of the program. They need no model file and no
// network, and their vectors are equal to the bit on every CPU: sums are of integers, and only one
// square root and one division for each dimension round, which IEEE 754 defines exactly. Golden
// tests hold them. Both know words but not their context; they are Static.
//
// # lode-en-v1
//
// A table of English words with 256 dimensions, learned from a dictionary and from documentation:
// texts are near that share words, and texts that share only meanings. See embed/table for what
// it does with a text, docs/models/lode-en-v1.md for what it was made of and what it is good for,
// embed/train for how. The table is part of the program and read in place; a node that does not
// use it pays nothing but bytes on disk.
//
// With the weights of a collection's words (Options.Weights) it is better within that collection.
// Vectors with different weights do not mix, so the weights are part of the fingerprint.
//
// # hash-v1
//
// The model before it, kept for collections that were made with it. A text is folded to lower case
// without accents and cut into words. Each distinct word adds
// to the vector with a weight that grows with the number of its occurrences (slowly) and its
// length (a stand-in for rarity; frequent function words weigh little), and so do its parts
// of 3 to 5 letters with the word's edges marked, so that "washing" and "washed" are near.
// Scripts that are written without spaces give single characters and pairs. Every feature
// goes to one of 512 dimensions, with a sign, both taken from a 64-bit hash of its bytes.
// Different features may meet in one dimension; with signs the expected disturbance is zero.
// A text without any feature (empty, or only punctuation) gets the direction of the empty feature,
// a vector like any other. The model knows words, not meaning: "car" and "automobile" are strangers.
package builtin
