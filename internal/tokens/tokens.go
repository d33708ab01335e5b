package tokens

import (
	"slices"
	"unicode/utf8"
)

// Name is the encoding that tokens are counted in. It is part of the fingerprint of whatever
// depends on counts.
const Name = "cl100k_base"

// Count returns the number of tokens of s in the encoding [Name].
func Count(s string) int { return vocabulary().text(s) }

// Fits reports whether s has at most max tokens. It reads no further than it must.
func Fits(s string, max int) bool {
	v := vocabulary()
	for len(s) > 0 {
		size := nextPiece(s)
		if max -= v.count(s[:size]); max < 0 {
			return false
		}
		s = s[size:]
	}
	return max >= 0
}

// Truncate returns a prefix of s that ends at a rune boundary and has at most max tokens: the
// longest such prefix that ends before or inside the piece which breaks the budget (of a
// piece longer than 64 bytes, before one of its tokens). It reads no further than that piece,
// so that cutting a long text step by step takes linear time.
func Truncate(s string, max int) (prefix string) {
	v := vocabulary()
	end, used := 0, 0          // of the pieces that fit
	before, usedBefore := 0, 0 // the same without the last of them
	for end < len(s) {
		size := nextPiece(s[end:])
		n := v.count(s[end : end+size])
		if used+n > max {
			last, broken := s[before:end], s[end:end+size]
			return s[:before+v.cut(last, broken, max-usedBefore, max-used)]
		}
		before, usedBefore = end, used
		end, used = end+size, used+n
	}
	return s
}

// cut returns the length of the longest prefix of last+broken, neighbours in the text, that
// holds last and has at most max tokens; room of them are for broken. A prefix of a piece may
// need more tokens than the piece, and white space at its end may join the piece before, so
// each candidate is counted as it would stand.
func (v *vocab) cut(last, broken string, max, room int) int {
	for _, end := range slices.Backward(v.cuts(broken, room)) {
		if prefix := last + broken[:end]; Fits(prefix, max) {
			return len(prefix)
		}
	}
	return len(last)
}

// cuts lists where a piece may be cut, ascending: at every rune of a short piece, after one of
// the first tokens of a long one.
func (v *vocab) cuts(piece string, room int) (ends []int) {
	if len(piece) > shortPiece {
		ends = v.merge(piece)
		return runeEnds(piece, ends[:clamp(room, len(ends))])
	}
	for i := range piece {
		ends = append(ends, i)
	}
	return append(ends, len(piece)) // white space that joins the piece before may fit after all
}

func clamp(n, most int) int { return max(0, min(n, most)) }

// runeEnds moves each of the ascending ends back to the start of a rune.
func runeEnds(piece string, ends []int) []int {
	out := ends[:0]
	for _, end := range ends {
		for end > 0 && end < len(piece) && !utf8.RuneStart(piece[end]) {
			end--
		}
		if end > 0 && (len(out) == 0 || end > out[len(out)-1]) {
			out = append(out, end)
		}
	}
	return out
}
