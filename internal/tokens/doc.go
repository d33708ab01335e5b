// Package tokens counts and cuts text in tokens: [Count], [Fits] and [Truncate] in the
// cl100k_base encoding, the unit of chunk sizes and of context budgets; [For] gives counters
// of other encodings, by their names or by those of models.
//
// The tokenizer is pkoukk/tiktoken-go with the vocabularies that its offline loader carries in
// the binary, all of them whichever are used (7 MB); nothing is fetched. Each is made at its first
// use, once (cl100k_base: about 16 MB of memory, a tenth of a second; o200k_base twice that), so
// that a process which counts nothing pays nothing. Everything here may be used by many goroutines.
//
// An encoding works in two steps: a regular expression splits the text into pieces (mostly
// words with the space before them), then byte pairs are merged within each piece. The
// package does the first step by hand (piece.go, piece200k.go), because the expression needs most of the
// time; answers itself for pieces that are in the vocabulary (table.go); asks the library for the
// others; and keeps the answers in a small fixed table (cache.go). Counts are those of the
// library: tests compare them on real text and by fuzzing.
//
// There are three rules for odd input, all deterministic:
//
//   - Special tokens such as <|endoftext|> have no meaning here; they are ordinary text.
//   - A byte that is not UTF-8 counts as U+FFFD.
//   - A piece is at most 1 KiB long (MaxPiece): a longer run without a break is cut there,
//     at a rune boundary. This is the only place where counts can differ from the library's,
//     and only by a token or two for each cut. Long pieces are merged here (merge.go), in
//     time n log n where the library needs n squared; a megabyte of one letter is counted at
//     the speed of a few megabytes a second.
package tokens
