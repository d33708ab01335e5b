// Package local embeds texts with models in files, of three families:
//
//   - static models in the model2vec form: a vector for each piece of a vocabulary, averaged
//     over the pieces of a text. They are small and fast, and know words but not their order.
//   - BERT and what has its form (MiniLM, BGE, E5, GTE with WordPiece vocabularies): a
//     transformer whose vectors of the pieces know of each other.
//   - tables of words as the built-in one, one file model.table. lode models adapt writes them.
//
// The first two are model.safetensors, tokenizer.json and config.json; those of sentence-transformers
// have four more small files, that say how the vectors of pieces become that of a text and what
// is put before questions and passages.
//
//	Load   opens a folder with these files
//	Model  embeds with it
//	Store  a folder of models by name, each with a manifest (MODEL.json) of its hashes
//
// # Static models
//
// The table is mapped and read in place. A vector is the mean of the vectors of a text's
// pieces, each times its weight where the model has weights, scaled to length one where
// config.json says normalize. Sums are in float64 in the order of the text, and rounded the
// same way everywhere, so that vectors are equal to the bit on every CPU. Pieces that the
// vocabulary does not know are left out, and nothing is cut: model2vec itself stops after 512
// pieces unless told not to. A text without any known piece has the vector whose numbers are
// all equal.
//
// # Tables of words
//
// The file is mapped and read in place, as embed/table says, so that it takes no memory of the
// node's own; vectors are equal to the bit on every CPU. Opening reads it once, about 15 MB, and
// refuses one that is damaged.
//
// # BERT
//
// Weights are copied into memory as float32 and multiplied by the kernels of index/distance,
// so vectors may differ between CPUs in their last bits. The vector of a text is the mean of
// those of its pieces, or that of [CLS], as 1_Pooling/config.json says. A text of more pieces
// than the model takes at once is embedded window by window and the mean taken of all, where
// other programs cut it. A model with the size of MiniLM-L6 takes 7 ms for a question of 8
// pieces and 125 ms for a passage of 128 on one core (go test -bench Encoder).
//
// A library (hugot) was the other choice. It brings a graph compiler for what is 300 lines
// here, and none of it is specific to embeddings; the formulas are held against vectors that
// were computed by another program (testdata/bert.py).
package local
