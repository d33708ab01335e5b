// Package payload answers which rows of a segment a filter and a principal let through, as
// sets of bits, so that searches need not look at a document at all.
//
// A segment's rows are cut into blocks of [BlockRows]. A [Block] is made of the documents
// that its rows belong to and never changes to its users; snapshots share it, and a changed
// or a growing segment gets new blocks that share with the old ones what is the same:
//
//	block, err := payload.New(docs)
//	block, err = block.Append(more) // rows behind the others
//	block, err = block.With(changed) // new metadata or readers for the same rows
//
// A search prepares its filter and its principal once and asks every block:
//
//	query, err := payload.Compile(filter)
//	reader := payload.NewReader(principal)
//	block.Visible(reader, &rows)
//	block.Match(query, &matched)
//	rows.And(&matched)
//	block.Unexpired(now, &rows)
//
// The contract is that of the rules themselves: [Block.Match] has a row exactly when
// Filter.Match holds for its document, and [Block.Visible] exactly when Principal.MaySee does
// for both of its lists of readers. Fields are indexed when a filter first tests them, so
// that others cost nothing; tests that no index knows are put to the documents that the
// known ones leave. The caller removes rows that are deleted.
//
// Values for answers come from the same indexes: [Block.Facet] counts them and [Block.Order]
// sorts by them.
package payload
