// Package rerank orders candidates anew: the passages that a retrieval found, by looking at each
// together with the query. It owns three rankers, and how one of them is trained.
//
//	Remote    asks a service over HTTP, in the protocols of Cohere, Jina, Voyage and TEI
//	MaxSim    compares each word of the query with each word of a passage (late interaction),
//	          where the collection's embedder has a vector for each word
//	Linear    a weighted sum of features of query and passage, with weights that Train finds
//	          from the judgements of a collection
//
// All are a [Ranker]: one score for each passage, made of contributions that sum to it. None is
// on by default, because re-ranking can make answers worse: Train measures its own gain on
// queries that it did not see, and docs/reranking.md says what was measured on public sets.
//
// # Work
//
// The number of passages is the caller's, at most [lode.MaxRerankDepth]. For each, work is linear
// in its length and bounded: what is beyond the first so many words or tokens is not looked at
// (MaxSimOptions.PassageTokens, Options.PassageTokens, MostWords).
//
// # Determinism
//
// MaxSim and Linear give the same bits on every CPU: sums of vectors are integers, and of the
// functions of math only the square root is used, which IEEE 754 makes exact. So do the weights of
// Train; the gain that it reports may differ in the last bits.
//
// The package knows nothing of collections, and not who asks for an order. DESIGN.md has reasons
// and figures.
package rerank
