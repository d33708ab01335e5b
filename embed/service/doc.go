// Package service stands between those who need vectors and the embedders that make them. For
// providers that are reached over a network it keeps what was embedded, sends what many
// callers ask for at about the same time together, and counts what it costs; embedders in the
// process are only counted.
//
//	Service          the cache, the ledger, and the sources that were added
//	Source, Shared   one model of one provider, and its queue of texts
//	Shared.For       the embedder that a collection uses: its work is counted for it
//	Cache            vectors on disk under a keyed hash of model, kind and text
//	Ledger           requests, texts, tokens and cost by provider, model and collection
//
// # What a call does
//
// Each text is looked up in the cache. Those that are missing join the request that is under
// way for the same text, or wait in the queue of their kind until there are enough for a
// request, or until Options.Wait is over. A request that fails fails those that wait for it;
// but when the provider refuses the request itself, the texts of each caller are sent again
// alone, so that nobody fails for the text of another. A caller that leaves takes its texts
// out of the queue, and ends a request that nobody waits for any more.
//
// # What is on disk
//
// In Options.Dir: KEY, the secret of the hash; N.vectors, the cache, each file only added to,
// with a checksum for each entry; ledger.json. No text is stored. Vectors are, and tell about
// the texts they were made of: see DESIGN.md for what that means when documents are erased.
package service
