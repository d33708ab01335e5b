package suspect

import (
	"unicode"
	"unicode/utf8"
)

// tagBase is what tag characters are above the letters that they stand for.
const tagBase = 0xE0000

// isTag reports whether r is a tag character that stands for one of ASCII.
func isTag(r rune) bool { return 0xE0020 <= r && r <= 0xE007E }

// isInvisible reports whether r has no width and no ink of its own.
func isInvisible(r rune) bool {
	switch {
	case 0x200B <= r && r <= 0x200F, 0x202A <= r && r <= 0x202E, 0x2060 <= r && r <= 0x206F, r == 0xFEFF, r == 0xAD, r == 0x34F, r == 0x61C, r == 0x180E,
		r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, 0x17B4 <= r && r <= 0x17B5, isTag(r), r == 0xE0001, r == 0xE007F, isSelector(r):
		return true
	}
	return false
}

func isSelector(r rune) bool {
	return 0xFE00 <= r && r <= 0xFE0F || 0xE0100 <= r && r <= 0xE01EF || 0x180B <= r && r <= 0x180D
}

// How many characters without width in a row, or in a text between letters that do not need them,
// are more than an accident of typesetting.
const (
	longRun    = 3
	manyBreaks = 6
)

// Hidden returns where text holds characters that readers do not see and that serve no script, by
// ascending Start. There are at most 64 findings. The rules are "tag", "zero-width", "selector" and
// "bidi".
func Hidden(text string) []Finding {
	h := hider{text: text}
	for i := 0; i < len(text) && len(h.found) < maxFindings; {
		if text[i] < utf8.RuneSelf {
			h.before = rune(text[i])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if !isInvisible(r) {
			h.rightToLeft = h.rightToLeft || unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana)
			h.before = r
			i += size
			continue
		}
		i = h.run(i)
	}
	return h.finish()
}

// hider walks a text.
type hider struct {
	text        string
	before      rune // the last character that is seen
	rightToLeft bool
	found       []Finding
	breaks      []Finding // single characters without width inside words
	turns       []Finding // embeddings and isolates, which right-to-left text needs
}

// run takes the invisible characters at i and returns where they end.
func (h *hider) run(i int) int {
	start := i
	var widthless, tags, selectors, overrides, turns int
	for i < len(h.text) {
		r, size := utf8.DecodeRuneInString(h.text[i:])
		if !isInvisible(r) {
			break
		}
		switch {
		case isTag(r), r == 0xE0001:
			tags++
		case isSelector(r):
			selectors++
		case r == 0x202D || r == 0x202E:
			overrides++
		case 0x202A <= r && r <= 0x202B, 0x2066 <= r && r <= 0x2068:
			turns++
		case r == 0x202C, r == 0x2069, r == 0x200E, r == 0x200F, r == 0x61C, r == 0xE007F: // ends, and marks of direction
		default:
			widthless++
		}
		i += size
	}
	h.judge(Finding{Start: start, End: i}, widthless, tags, selectors, overrides, turns)
	return i
}

func (h *hider) judge(f Finding, widthless, tags, selectors, overrides, turns int) {
	const flag = 0x1F3F4 // a black flag, which tags make that of a region
	switch {
	case tags > 0 && h.before != flag:
		f.Rule = "tag"
	case selectors > 1:
		f.Rule = "selector"
	case overrides > 0:
		f.Rule = "bidi"
	case widthless >= longRun:
		f.Rule = "zero-width"
	case widthless > 0 && h.splitsWord(f):
		f.Rule = "zero-width"
		h.breaks = append(h.breaks, f)
		return
	case turns > 0:
		f.Rule = "bidi"
		h.turns = append(h.turns, f)
		return
	default:
		return
	}
	h.found = append(h.found, f)
}

// splitsWord reports whether a character stands between two letters of a script that has no use
// for it there. Soft hyphens are for such places.
func (h *hider) splitsWord(f Finding) bool {
	if h.text[f.Start:f.End] == "\u00AD" {
		return false
	}
	after, _ := utf8.DecodeRuneInString(h.text[f.End:])
	return plainLetter(h.before) && plainLetter(after)
}

func plainLetter(r rune) bool { return unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek) }

// finish adds what is suspicious only when there is much of it, or when nothing explains it.
func (h *hider) finish() []Finding {
	if len(h.breaks) >= manyBreaks {
		h.found = append(h.found, h.breaks...)
	}
	if !h.rightToLeft {
		h.found = append(h.found, h.turns...)
	}
	return disjoint(h.found)
}
