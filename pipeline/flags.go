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
	for i := range chunks {
		chunks[i].Flags = flagsOf(text, chunks[i].Span)
		if len(chunks[i].Flags) > 0 {
			flagged++
		}
	}
	return flagged
}

func flagsOf(text *lode.SilverText, span lode.Span) []lode.TextFlag {
	start, end := max(0, span.Start-flagMargin), min(len(text.Text), span.End+flagMargin)
	for start > 0 && !utf8.RuneStart(text.Text[start]) {
		start--
	}
	for end < len(text.Text) && !utf8.RuneStart(text.Text[end]) {
		end++
	}
	window := text.Text[start:end]
	flags := lode.FlagsIn(text.Flags, span)
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
