package contrast

import "strings"

// Sentences cuts after ". ", "! " and "? " before a capital.
func Sentences(p string) []string {
	var sentences []string
	start := 0
	for i := 1; i+2 < len(p); i++ {
		if p[i+1] == ' ' && strings.IndexByte(".!?", p[i]) >= 0 && 'A' <= p[i+2] && p[i+2] <= 'Z' {
			sentences = append(sentences, p[start:i+1])
			start = i + 2
		}
	}
	return append(sentences, p[start:])
}
