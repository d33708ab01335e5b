package pipeline

import (
	"cmp"
	"slices"
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

// flagChunks marks in each chunk what is hidden from readers, as the parser or the characters say,
// and what reads like an order to a model. It returns how many chunks have flags.
func flagChunks(text *lode.SilverText, chunks []lode.Chunk) (flagged int64) {
	behind := 0 // flags of the parser that end before the chunk and all that follow it
	for i := range chunks {
		span := chunks[i].Span
		for behind < len(text.Flags) && text.Flags[behind].Span.End <= span.Start {
			behind++
		}
		end := behind
		for end < len(text.Flags) && text.Flags[end].Span.Start < span.End && end-behind < maxFlags {
			end++
		}
		chunks[i].Flags = flagsOf(text.Text, span, text.Flags[behind:end])
		if len(chunks[i].Flags) > 0 {
			flagged++
		}
	}
	return flagged
}

// flagsOf returns the flags of a span; known are those that the parser gave it.
func flagsOf(text string, span lode.Span, known []lode.TextFlag) []lode.TextFlag {
	start, end := max(0, span.Start-flagMargin), min(len(text), span.End+flagMargin)
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	window := text[start:end]
	flags := slices.Clone(known)
	add := func(kind lode.FlagKind, found []suspect.Finding) {
		for _, f := range found {
			flag := lode.TextFlag{Kind: kind, Span: lode.Span{Start: start + f.Start, End: start + f.End}, Rule: f.Rule}
			if flag.Span.Overlaps(span) {
				flags = append(flags, flag)
			}
		}
	}
	add(lode.FlagHidden, suspect.Hidden(window))
	add(lode.FlagInstruction, suspect.Instructions(window))
	slices.SortStableFunc(flags, func(a, b lode.TextFlag) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	if len(flags) == 0 {
		return nil
	}
	return flags[:min(len(flags), maxFlags):min(len(flags), maxFlags)]
}
