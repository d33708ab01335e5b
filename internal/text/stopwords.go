package text

// isStopWord reports whether a folded word is left out. These are the 33 words of Lucene's
// English analyzer, the list behind most published BM25 figures.
func isStopWord(word string) bool {
	switch word {
	case "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into",
		"is", "it", "no", "not", "of", "on", "or", "such", "that", "the", "their", "then",
		"there", "these", "they", "this", "to", "was", "will", "with":
		return true
	}
	return false
}
