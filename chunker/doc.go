// Package chunker cuts the canonical text of a document (silver) into the passages that are
// embedded, searched and cited (gold).
//
// A chunk is a span of the canonical text: its text is exactly those bytes, without the white
// space around them. Chunks are in order and together hold every byte that is not white space,
// each once but for fixed windows with an overlap. A chunk never has more than MaxTokens tokens,
// counted by internal/tokens over its text alone; the heading path and the header of a table,
// which are put before the embedded text (lode.Chunk.EmbeddedText), are not counted.
//
// The recursive strategy keeps together what an author put together: the sections under one
// heading are a passage; passages that are too large are divided at the best place near the
// end of the budget (split.go, boundary.go); small ones are merged with their neighbours
// (merge.go). The fixed strategy is the baseline that knows no structure (fixed.go); sentences
// and parent make small chunks whose surroundings are for retrieval to show (sentences.go,
// merge.go); semantic cuts where neighbouring sentences are least alike (semantic.go); whole
// makes one chunk of everything, for short records and for models with a long window. All but
// whole repeat the header of a table that is cut (header.go), and all but fixed and whole cut
// long code between its parts (code.go). DESIGN.md states the rules and why they are so.
//
// Chunking is a function of text, sections and configuration, and of the vectors that an
// embedder gives to the semantic strategy. Fingerprint names the function; its version grows
// whenever it changes, because gold made by another version must be made again, never mixed.
//
// The package does not know where text came from, where chunks go, or what embeds: document
// number and version are the caller's to set, the embedder is a function.
package chunker
