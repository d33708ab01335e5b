package tokens

import (
	"unicode"
	"unicode/utf8"
)

// letterCase is what the expression of o200k_base wants to know beyond class: the case of letters.
type letterCase uint8

const (
	noLetter  letterCase = iota
	upper                // \p{Lu}, \p{Lt}
	lower                // \p{Ll}
	bothCases            // \p{Lm}, \p{Lo} and \p{M}, which stand in words of either case
)

// caseAt returns the case and size of the rune at the start of s[i:], size 0 at the end.
func caseAt(s string, i int) (letterCase, int) {
	if i >= len(s) {
		return noLetter, 0
	}
	if b := s[i]; b < utf8.RuneSelf {
		switch {
		case 'a' <= b && b <= 'z':
			return lower, 1
		case 'A' <= b && b <= 'Z':
			return upper, 1
		}
		return noLetter, 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case unicode.Is(unicode.Ll, r):
		return lower, size
	case unicode.In(r, unicode.Lu, unicode.Lt):
		return upper, size
	case unicode.In(r, unicode.Lm, unicode.Lo, unicode.M):
		return bothCases, size
	}
	return noLetter, size
}

// nextPiece200k is nextPiece for the expression of o200k_base, where U stands for
// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and L for [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
//
//	[^\r\n\p{L}\p{N}]?U*L+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	[^\r\n\p{L}\p{N}]?U+L*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	\p{N}{1,3}
//	 ?[^\s\p{L}\p{N}]+[\r\n/]*
//	\s*[\r\n]+
//	\s+(?!\S)
//	\s+
func nextPiece200k(s string) int {
	first, size := at(s, 0)
	if end := wordPiece(s, first, size); end > 0 {
		return end + contraction(s[end:])
	}
	second, _ := at(s, size)
	switch {
	case first == number:
		return numberPiece(s, size)
	case first == newline:
		return spacePiece(s)
	case first == other || s[0] == ' ' && second == other && len(s) > size:
		return slashes(s, run(s, size, other))
	}
	return spacePiece(s)
}

// wordPiece returns the end of a word without its contraction, 0 where none begins.
func wordPiece(s string, first class, size int) int {
	if first == letter {
		end, _ := casedWord(s, 0)
		return end
	}
	if first == number || first == newline {
		return 0
	}
	end, lowered := casedWord(s, size)
	if lowered {
		return end
	}
	// The rune may be a mark: then the first alternative goes back and takes it as the word.
	if c, _ := caseAt(s, 0); c == bothCases {
		return size
	}
	return end
}

// casedWord matches U*L+ at i, else U+; end is 0 where neither does. lowered says that it was the
// first. A mark or a letter without case ends U* as well as it begins L+, so of a word in capitals
// with one in it, the match ends behind the last of them.
func casedWord(s string, i int) (end int, lowered bool) {
	end, both := i, 0
	for end < MaxPiece {
		c, size := caseAt(s, end)
		if size == 0 || c != upper && c != bothCases {
			break
		}
		end += size
		if c == bothCases {
			both = end
		}
	}
	tail := end
	for tail < MaxPiece {
		c, size := caseAt(s, tail)
		if size == 0 || c != lower && c != bothCases {
			break
		}
		tail += size
	}
	switch {
	case tail > end:
		return tail, true
	case both > 0:
		return both, true
	case end > i:
		return end, false
	}
	return 0, false
}

// slashes returns the end of the line ends and slashes at i.
func slashes(s string, i int) int {
	for i < min(len(s), MaxPiece) && (s[i] == '\n' || s[i] == '\r' || s[i] == '/') {
		i++
	}
	return i
}
