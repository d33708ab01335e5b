// Package tokenizer turns text into the ids of a model's vocabulary, as the file
// tokenizer.json of the model says: normalizers, pre-tokenizers, and a model of pieces
// (WordPiece, Unigram or BPE). That is the form of the tokenizers library, in which static and
// BERT-like models are published.
//
// A file with a part that is not known here is refused, by the part's name: a part that was
// passed over would give other ids, and so other vectors, without a word. Ids are those of the
// library but for three decisions: special tokens ("[CLS]") are neither added nor found in a
// text, so that no text can name one; pieces that the vocabulary does not know give no id, unless KeepUnknown asks for it; and
// nothing is cut, neither texts nor lists of ids.
//
//	Parse      reads tokenizer.json
//	Tokenizer  turns text into ids; it may be used by many goroutines at once
package tokenizer
