package text

import "strings"

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

// IsAsking reports whether a word as it is written only frames an English question or sentence:
// what, who, how, does. Such words stay in the index, for they may be names and parts of phrases,
// but in a question they find only other questions.
func IsAsking(word string) bool {
	return len(word) <= longestAsking && asking[strings.ToLower(word)]
}

const longestAsking = len("ourselves")

var asking = func() map[string]bool {
	const list = `about above after again all also am any because been before being below between both can could
		did do does doing down during each few from further had has have having he her here hers him his how i its
		itself just me more most my myself nor now off once only other our ours ourselves out over own same she
		should so some than them through too under until up very we were what when where which while who whom whose
		why would you your`
	words := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		words[word] = true
	}
	return words
}()
