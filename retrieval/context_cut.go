package retrieval

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/clipperhouse/uax29/v2/words"
)

// longestPrefix returns how many bytes of a passage's text fit, cut behind a sentence or at least
// behind a word; 0 when not even a word fits, below the headers that stand above it.
func (a *assembler) longestPrefix(p *passage) int {
	fits := func(end int) bool { return a.fits(len(a.passages)+1, p.cutAt(end)) }
	limit := growPrefix(p.text, a.left, fits)
	if limit == 0 {
		return 0
	}
	for _, cut := range cuts(p.text, limit) {
		if len(p.cutAt(cut).bodies()) > 0 && fits(cut) {
			return cut
		}
	}
	return 0
}

// growPrefix finds about the longest prefix that fits, at a rune boundary. It never tries
// much more text than that.
func growPrefix(text string, budget int, fits func(end int) bool) int {
	const bytesPerToken = 4
	fit, size := 0, bytesPerToken*budget
	for ; size < len(text) && fits(runeStart(text, size)); size *= 2 {
		fit = runeStart(text, size)
	}
	tooLong := min(size, len(text))
	for tooLong-fit > 1 {
		middle := runeStart(text, (fit+tooLong)/2)
		if middle <= fit {
			middle = nextRune(text, fit)
			if middle >= tooLong {
				break
			}
		}
		if fits(middle) {
			fit = middle
		} else {
			tooLong = middle
		}
	}
	return fit
}

// cuts lists where text may end at or before limit, best first: behind the last sentence,
// unless that gives away more than half; then behind words, and behind runes where the
// first word is longer than the limit.
func cuts(text string, limit int) []int {
	const lookAhead = 256 // so that the boundary after the limit is seen as it is
	window := text[:runeStart(text, min(len(text), limit+lookAhead))]
	var out []int
	if end := lastSentence(window, limit); 2*end >= limit {
		out = append(out, end)
	}
	ends := wordEnds(window, limit)
	if len(ends) == 0 {
		ends = runeEnds(window, limit)
	}
	slices.Reverse(ends)
	return append(out, ends...)
}

func lastSentence(text string, limit int) int {
	end, last := 0, 0
	for it := sentences.FromString(text); it.Next(); {
		if end += len(it.Value()); end > limit {
			break
		}
		last = end
	}
	return len(strings.TrimRightFunc(text[:last], isBreakOrSpace))
}

// wordEnds returns the ends of words and punctuation within the limit, ascending.
func wordEnds(text string, limit int) []int {
	var ends []int
	end := 0
	for it := words.FromString(text); it.Next(); {
		word := it.Value()
		if end += len(word); end > limit {
			break
		}
		if strings.TrimFunc(word, isBreakOrSpace) != "" {
			ends = append(ends, end)
		}
	}
	return ends
}

func runeEnds(text string, limit int) []int {
	var ends []int
	for i := range text {
		if i > 0 && i <= limit {
			ends = append(ends, i)
		}
	}
	return ends
}

// runeStart moves i back to the start of a rune.
func runeStart(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// nextRune returns where the rune after the one at i begins.
func nextRune(s string, i int) int {
	_, size := utf8.DecodeRuneInString(s[i:])
	return i + size
}
