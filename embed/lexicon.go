package embed

// Lexicon is what an [Embedder] can do besides whose model has a vector for each word, or piece of
// a word, whatever stands around it. It is optional: found by a type assertion. Its methods may be
// called by many goroutines at once.
type Lexicon interface {
	// Tokens calls yield for each token of a text, in order. Equal tokens have equal bytes, and others
	// have others. They are text for people where the model has words, and valid until yield returns.
	Tokens(text string, yield func(token []byte))

	// TokenVector writes to dst, of Dim numbers, what a token adds to the sum that a text's vector is
	// made of: its direction says what it means, its length what it is worth. Each is finite. token is
	// one that Tokens gave; dst is all zero for any other.
	TokenVector(token []byte, dst []float32)
}
