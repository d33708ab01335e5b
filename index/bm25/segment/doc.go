// Package segment is the lexical index of a collection in parts: sealed ones that are searched in
// their files and never change, and a growing one in memory. It ranks by BM25F, and knows
// phrases, prefixes, synonyms and spelling.
//
// A row has fields, such as text, title and headings, each a list of tokens that internal/text
// made. [Growing] takes rows in; [Growing.Seal] and, for more than memory holds, [Builder] write
// a file; [Open] makes a [Sealed] of its bytes, which reads what it needs and no more; [Merge]
// makes one file of several and leaves dead rows out. [Search] takes a [Query] over all parts
// together, [Suggest] finds terms that are spelled nearly like another, [Parser] reads what a user
// typed, and [Highlight] finds in a text what a query matched.
//
// # Score
//
// Over the clauses of a query, in order of the bytes of their terms:
//
//	score  = Σ weight · idf · f·(k1+1) / (f + k1·(1 - b + b·n/average))
//	f      = Σ boost of the field · how often the field holds the term
//	n      = Σ boost of the field · terms of the field
//	idf    = ln(1 + (N - df + 0.5) / (df + 0.5))
//
// N counts the live rows of all parts that hold a term at all, df those that hold this one in any
// field, and the average of n is over the same N rows. All are exact, whatever was removed. With
// one field and a boost of 1 it is that of BM25. This is BM25F as Robertson
// and others gave it in 2004: fields are added up before they saturate, so that a word in the
// title is not worth a second word.
//
// Of a clause with several alternatives f is the sum of theirs, times their weights, and idf that
// of the commonest. A phrase occurs where its terms stand at its places; its idf is the sum of
// theirs. A term that no live row holds is as if it were not there.
//
// A row is found if it matches a clause that should or must match, in a field with a boost; every
// clause that must match, so; and none that must not, in any field. Every search is exhaustive:
// blocks of postings are left out only where no row in them could be in the answer. Scores are
// float64 sums, rounded once, and equal to the bit however rows are cut into parts.
//
// # What it leaves to others
//
// Which rows there are, who may see them and when a part is sealed is the collection's; how text
// becomes tokens is internal/text's. Files are opened, mapped and kept by the caller. DESIGN.md
// says why it is so, docs/format.md has the bytes.
package segment
