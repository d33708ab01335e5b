// Package adapt trains the built-in table of words further on the texts of a collection: on its
// titles, headings and passages, without queries and judgements.
//
//	Document  what is read of a collection
//	Run       holds a tenth of the documents out, trains on the others, measures before and after
//	Result    the new table and the figures
//
// Words, their numbers and buckets stay those of the base; nothing but rows changes. The same
// documents, seed and number of batches give equal bytes, on every machine.
//
// The figures are about held-out documents of the same collection: does a title find its passage?
// They are no promise about questions of other people. DESIGN.md gives the recipe and what it gained.
package adapt
