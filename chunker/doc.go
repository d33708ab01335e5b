// Package chunker cuts the canonical text of a document (silver) into the passages that are
// embedded, searched and cited (gold).
//
// A chunk is a span of the canonical text: its text is exactly those bytes, without the white
// space around them. Chunks are in order, do not overlap, and together hold every byte that
// is not white space. A chunk of the recursive strategy never has more than MaxTokens tokens,
// counted by internal/tokens over its text alone; the heading path that is put before the
// embedded text (lode.Chunk.EmbeddedText) is not counted.
//
// The recursive strategy keeps together what an author put together: the sections under one
// heading are a passage; passages that are too large are divided at the best place near the
// end of the budget (split.go, boundary.go); small ones are merged with their neighbours
// (merge.go). DESIGN.md states the rules and why they are so. The whole strategy makes one
// chunk of everything, for short records and for models with a long window.
//
// Chunking is a function of text, sections and configuration, and of nothing else. Fingerprint
// names the function; Version grows whenever it changes, because gold made by another version
// must be made again, never mixed.
//
// The package does not know where text came from or where chunks go: document number and
// version are the caller's to set.
package chunker
