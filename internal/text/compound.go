package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isConnector reports whether r joins the parts of a compound. Apostrophes and accents do
// not: they are inside a word.
func isConnector(r rune) bool {
	switch r {
	case '_', '.', ',', ':', ';':
		return true
	case '\'', '\u2019', '\u2018':
		return false
	}
	return r >= utf8.RuneSelf && !isAlphanumeric(r) && !unicode.IsMark(r)
}

// isPart reports whether a part of a compound is worth a term.
func isPart(part string) bool {
	return strings.ContainsFunc(part, unicode.IsLetter) && utf8.RuneCountInString(part) >= leastPartRunes
}

// thousands returns a number without the commas that group its digits.
func thousands(word string) (number string, ok bool) {
	whole, _, _ := strings.Cut(word, ".")
	groups := strings.Split(whole, ",")
	if len(groups) < 2 || len(groups[0]) > 3 {
		return "", false
	}
	for i, group := range groups {
		if !isDigits(group) || i > 0 && len(group) != 3 {
			return "", false
		}
	}
	if fraction := word[len(whole):]; fraction != "" && !isDigits(fraction[1:]) {
		return "", false
	}
	return strings.ReplaceAll(whole, ",", "") + word[len(whole):], true
}

// versionNumber returns the 1.2.3 of v1.2.3.
func versionNumber(word string) (number string, ok bool) {
	if len(word) < 2 || word[0]|0x20 != 'v' || !strings.Contains(word, ".") {
		return "", false
	}
	for group := range strings.SplitSeq(word[1:], ".") {
		if !isDigits(group) {
			return "", false
		}
	}
	return word[1:], true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// cutHumps cuts a word where a capital begins a part: parseURL, HTTPServer. Words with
// anything but letters, and words that would leave a part of one letter, are not cut; nor
// are the plurals of acronyms (DNAs), whose last capital does not begin a part.
func cutHumps(word string) []string {
	letters := []rune(word)
	var parts []string
	start := 0
	for i, r := range letters {
		if !unicode.IsLetter(r) {
			return nil
		}
		if i == 0 || !unicode.IsUpper(r) || !beginsHump(letters, i) {
			continue
		}
		if i-start < leastPartRunes {
			return nil
		}
		parts = append(parts, string(letters[start:i]))
		start = i
	}
	if start == 0 || len(letters)-start < leastPartRunes {
		return nil
	}
	return append(parts, string(letters[start:]))
}

// beginsHump reports whether the capital at i, which is not the first letter, begins a
// part: it follows a small letter, or it ends a row of capitals and two small ones follow.
func beginsHump(letters []rune, i int) bool {
	if !unicode.IsUpper(letters[i-1]) {
		return true
	}
	return i+2 < len(letters) && unicode.IsLower(letters[i+1]) && unicode.IsLower(letters[i+2])
}
