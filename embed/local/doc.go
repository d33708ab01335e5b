// Package local embeds texts with static models in files: a vector for each piece of a
// vocabulary, averaged over the pieces of a text. That is the form of model2vec, in which
// small fast models are published: model.safetensors, tokenizer.json and config.json.
//
//	Load    opens a folder with the three files
//	Model   embeds with it; the table is mapped and read in place
//	Store   a folder of models by name, each with a manifest (MODEL.json) of its hashes
//
// A vector is the mean of the vectors of a text's pieces, each times its weight where the
// model has weights, scaled to length one where config.json says normalize. Sums are in
// float64 in the order of the text, and rounded the same way everywhere, so that vectors are
// equal to the bit on every CPU. Pieces that the vocabulary does not know are left out, and
// nothing is cut: model2vec itself stops after 512 pieces unless told not to. A text without
// any known piece has the vector whose numbers are all equal.
package local
