// Package retrieval turns a question into ranked hits and a cited context.
//
// # The path
//
//	Query -> embed the text  -> dense candidates   \
//	                                                fuse -> recency -> rerank -> min_score
//	      -> lexical candidates (at the same time) /
//
//	      -> rows -> collapse -> caps -> diversity -> k hits -> expand -> context
//
// [Retriever.Retrieve] takes a [View], one consistent state of a collection under a
// principal, and asks it for candidates. In hybrid mode both searches go deeper than k and
// their scores are fused; see DESIGN.md for the exact formulas. Whenever k rows match in either
// search, k hits come back. Every other stage is done only where the query, or the ranking of its
// collection, asks for it (see [lode.Stages]), and rows are read only where a stage needs them.
//
// Several collections are views of one query, all taken before anything is searched.
//
// # Scores
//
// The score of a hit is a sum of contributions, taken in their order, and nothing else: an
// explanation shows them, and they sum to it to the bit. Hits are in order of their scores, but where
// diversity picks among them.
//
// # Time
//
// A query with a timeout ends about then with what there is, and says what is missing. Searches and
// re-rankers are ended by their context and awaited; nothing goes on behind an answer.
//
// # Misses
//
// [Retriever.WhyNot] says why a document is not in an answer: it asks the query with an eye on the
// document, names the stage that loses it, removes that reason, and goes on until nothing is in the
// way.
//
// # Modes
//
//	dense     a vector, given or made of the text
//	lexical   the text
//	hybrid    the text for both, or the text beside a given vector
//
// A query that names no mode is hybrid when it has text and dense when it has only a
// vector. In a collection that has no embedder, text alone is a lexical query, also where
// hybrid was asked for (the result names the mode that answered); dense mode there needs a
// vector. A provider that is down fails the query: what one search finds is never given
// out for what two would have.
//
// # The context
//
// A [lode.Context] is text for a model: numbered passages in order of rank, each under a
// header line that names its source, within a token budget that covers every byte of it.
// Documents are quoted, so that nothing they hold can look like a header:
//
//	[1] Go Memory Model > Advice (https://go.dev/ref/mem, p. 2)
//	> Programs that modify data being simultaneously accessed
//	> by multiple goroutines must serialize such access.
//
//	[2] …
//
// Each number has a [lode.Citation] whose span is exactly the text that is shown.
//
// # Vectors alone
//
// [Retriever.Nearest] asks for the rows nearest to dense vectors, of the collection's own space
// or of a named one, [Retriever.Sparse] for those that a sparse vector has most in common with.
// Neither embeds anything, and neither makes a context.
//
// # What it leaves to others
//
// How vectors and words are searched and which state is fresh enough (collection and
// server), who may see what (the view holds to it), HTTP.
package retrieval
