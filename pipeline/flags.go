package pipeline

import (
	"cmp"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/suspect"
)

// What is looked at around a chunk, so that an order which was cut in two is found in both halves,
// and how many flags a chunk keeps: more of them say no more.
const (
	flagMargin = 256
	maxFlags   = 32
)

// FlagChunks marks in each chunk and in its header what is hidden from readers, as the parser or the
// characters say, and what reads like an order to a model. It returns how many chunks have flags.
func FlagChunks(text *lode.SilverText, chunks []lode.Chunk) (flagged int64) {
	var header *lode.ChunkHeader // which chunks of one table share
	var above []lode.TextFlag    // of it
	for i := range chunks {
		c := &chunks[i]
		if c.Flags = flagsOf(text.Text, c.Span, parserFlags(text, c.Span)); c.Header != nil {
			if c.Header != header {
				header, above = c.Header, flagsOf(text.Text, c.Header.Span, parserFlags(text, c.Header.Span))
			}
			c.Flags = joinFlags(above, seamFlags(c), c.Flags)
		}
		if len(c.Flags) > 0 {
			flagged++
		}
	}
	return flagged
}

// parserFlags are the first flags of the parser that reach into a span.
func parserFlags(text *lode.SilverText, span lode.Span) []lode.TextFlag {
	first := sort.Search(len(text.Flags), func(i int) bool { return text.Flags[i].Span.End > span.Start })
	end := first
	for end < len(text.Flags) && text.Flags[end].Span.Start < span.End && end-first < maxFlags {
		end++
	}
	return text.Flags[first:end]
}

// seamFlags are those of orders that only stand there because the header is shown above the text:
// each half of such an order has a flag.
func seamFlags(c *lode.Chunk) (flags []lode.TextFlag) {
	before := c.Header.Text[runeAt(c.Header.Text, len(c.Header.Text)-flagMargin):]
	behind := c.Text[:runeAt(c.Text, flagMargin)]
	seam := len(before)
	for _, f := range suspect.Instructions(before + "\n" + behind) {
		if f.Start < seam && f.End > seam+1 {
			flags = append(flags,
				lode.TextFlag{Kind: lode.FlagInstruction, Span: lode.Span{Start: c.Header.Span.End - seam + f.Start, End: c.Header.Span.End}, Rule: f.Rule},
				lode.TextFlag{Kind: lode.FlagInstruction, Span: lode.Span{Start: c.Span.Start, End: c.Span.Start + f.End - seam - 1}, Rule: f.Rule})
		}
	}
	return flags
}

// joinFlags puts flags in order of their spans, each once. Of too many it keeps the first of both
// kinds, so that a text full of one cannot hide the other.
func joinFlags(of ...[]lode.TextFlag) []lode.TextFlag {
	flags := slices.Concat(of...)
	slices.SortStableFunc(flags, func(a, b lode.TextFlag) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	flags = slices.Compact(flags)
	if len(flags) == 0 {
		return nil
	}
	over, kept := len(flags)-maxFlags, map[lode.FlagKind]int{}
	for i := range flags {
		kept[flags[i].Kind]++
	}
	for i := len(flags) - 1; i >= 0 && over > 0; i-- {
		if kind := flags[i].Kind; kept[kind] > maxFlags/2 {
			flags = slices.Delete(flags, i, i+1)
			kept[kind]--
			over--
		}
	}
	return slices.Clip(flags)
}

// runeAt moves an index, which may be out of range, back to the start of a rune or an end of the text.
func runeAt(s string, i int) int {
	for i = min(max(i, 0), len(s)); i > 0 && i < len(s) && !utf8.RuneStart(s[i]); i-- {
	}
	return i
}

// flagsOf returns the flags of a span; known are those that the parser gave it.
func flagsOf(text string, span lode.Span, known []lode.TextFlag) []lode.TextFlag {
	start, end := runeAt(text, span.Start-flagMargin), runeAt(text, span.End+flagMargin)
	window := text[start:end]
	var found []lode.TextFlag
	add := func(kind lode.FlagKind, findings []suspect.Finding) {
		for _, f := range findings {
			flag := lode.TextFlag{Kind: kind, Span: lode.Span{Start: start + f.Start, End: start + f.End}, Rule: f.Rule}
			if flag.Span.Overlaps(span) {
				found = append(found, flag)
			}
		}
	}
	add(lode.FlagHidden, suspect.Hidden(window))
	add(lode.FlagInstruction, suspect.Instructions(window))
	return joinFlags(known, found)
}
