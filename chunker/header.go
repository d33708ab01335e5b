package chunker

import (
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// headerShare is the part of max that the header of a table may have to be repeated: one that
// is longer would say more than the rows below it.
const headerShare = 4

// addHeaders gives each chunk that begins inside of a table, below its header, that header. A
// header has at most so many tokens.
func addHeaders(text string, sections []lode.Section, most int, chunks []lode.Chunk) {
	i, known, header := 0, -1, (*lode.ChunkHeader)(nil)
	for at := range chunks {
		start := chunks[at].Span.Start
		for i+1 < len(sections) && sections[i].Span.End <= start {
			i++
		}
		table := sections[i]
		if table.Kind != lode.SectionTable || start <= table.Span.Start {
			continue
		}
		if known != i {
			known, header = i, tableHeader(text, table.Span, most)
		}
		if header != nil && header.Span.End <= start {
			chunks[at].Header = header
		}
	}
}

// tableHeader returns the first row of a table, with a line of dashes below it if there is
// one; nil when the table has no other row or the first one is too long.
func tableHeader(text string, span lode.Span, most int) *lode.ChunkHeader {
	table := text[span.Start:span.End]
	end := strings.IndexByte(table, '\n')
	if end < 0 {
		return nil
	}
	rule, _, _ := strings.Cut(table[end+1:], "\n")
	if strings.Trim(rule, "|-:+= \t\r") == "" {
		end += 1 + len(rule)
	}
	head := trim(text, lode.Span{Start: span.Start, End: span.Start + min(end, len(table))})
	if head.End >= span.End || !tokens.Fits(text[head.Start:head.End], most) {
		return nil
	}
	return &lode.ChunkHeader{Span: head, Text: text[head.Start:head.End]}
}
