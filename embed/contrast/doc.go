// Package contrast trains the rows of tables of words: the two texts of a pair are pulled together
// and all others of the batch pushed apart.
//
//	Corpus   pairs of texts as numbers of words, by kind
//	Trainer  rows, moved batch by batch; deterministic for a seed, on any number of threads
//
// embed/train makes the built-in table with it, embed/adapt trains that further on the texts of a
// collection. embed/train/DESIGN.md has the loss and the steps. Sums are written so that no
// compiler may fuse them: equal pairs, rows and options give equal bits on every CPU.
package contrast
