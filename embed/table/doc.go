// Package table embeds texts by a table of words: every word has a row of numbers, a text is the
// sum of its words' rows, scaled to unit length. It owns the format of such tables, how texts are
// cut into words, and the sums.
//
//	Table    rows and words, read in place from the bytes of a file
//	Reader   cuts a text into folded words
//	Adder    scratch memory that turns texts into vectors
//	Counter  counts in how many texts of a collection each word stands
//	Weights  what the counts say a word is worth there, frozen
//	Build    writes a table; embed/train calls it
//
// # Words
//
// Compatibility forms are resolved, accents dropped, case folded. Runs of Latin letters, of digits
// and of letters of other scripts are words; apostrophes and all else separate. Words are cut at
// 24 characters, and an English plural is folded to its singular. Of scripts that are written
// without spaces, and of symbols, each character is a word and so is each pair.
//
// A word of the table has its own row. Any other word is spelled: its parts of 3, 4 and 5
// characters, edges marked, and the whole each have a row in one of the buckets, found by hash, and
// count 1/√n. So other scripts and unknown names are near where they are spelled alike, and only
// there.
//
// # Numbers
//
// Rows are 8-bit integers with a 16-bit scale. Sums are of integers; one square root and one
// division for each dimension, both exact by IEEE 754, make them a vector. So vectors are equal
// to the bit on every CPU. A text without words, or whose rows cancel out, has the direction of
// the empty text, a vector like any other.
//
// # Weights
//
// The length of its row says what a word is worth anywhere. A collection knows better what a word
// is worth within it: a Counter gives [Weights], by which each word counts (ln((N+1)/(df+½)))^½.
// They are frozen: counted once, stored, and named by their hash in the fingerprint, since vectors
// with different weights must not mix.
//
// DESIGN.md beside this file gives the format and the reasons.
package table
