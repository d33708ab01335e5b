package chunker

import (
	"fmt"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// Version grows whenever the same text and configuration give other chunks.
const Version = 1

// Fingerprint identifies the chunker and everything that its result depends on, such as
// "recursive/1 min=256 max=400 cl100k_base". A zero configuration stands for
// [lode.DefaultChunker].
func Fingerprint(c lode.ChunkerConfig) string {
	c = orDefault(c)
	if c.Strategy == lode.ChunkWhole {
		return fmt.Sprintf("%s/%d %s", c.Strategy, Version, tokens.Name)
	}
	return fmt.Sprintf("%s/%d min=%d max=%d %s", c.Strategy, Version, c.MinTokens, c.MaxTokens, tokens.Name)
}

// Chunk cuts s. The ordinals of the chunks are set, their document and version are left to
// the caller. Text without ink gives no chunks. A zero configuration stands for
// [lode.DefaultChunker]. The error is [lode.CodeInvalid] for a configuration or text that
// cannot be used, [lode.CodeCorrupt] for sections that do not fit the text.
//
// The chunks share memory with s.
func Chunk(s *lode.SilverText, c lode.ChunkerConfig) ([]lode.Chunk, error) {
	c = orDefault(c)
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("chunk text: %w", err)
	}
	if !utf8.ValidString(s.Text) {
		return nil, lode.Errorf(lode.CodeInvalid, "chunk text: canonical text is not UTF-8")
	}
	sections, err := inked(s)
	if err != nil {
		return nil, err
	}
	if len(sections) == 0 {
		return nil, nil
	}
	if c.Strategy == lode.ChunkWhole {
		return chunks(s, []part{whole(s, sections)}), nil
	}
	cut := cutter{text: s.Text, min: c.MinTokens, max: c.MaxTokens}
	var parts []part
	for _, p := range passages(sections) {
		parts = append(parts, cut.split(p)...)
	}
	return chunks(s, cut.merge(parts)), nil
}

func orDefault(c lode.ChunkerConfig) lode.ChunkerConfig {
	if c == (lode.ChunkerConfig{}) {
		return lode.DefaultChunker
	}
	return c
}

// part is a chunk in the making: trimmed, within the budget.
type part struct {
	span   lode.Span
	tokens int
	path   []string // of the first section
	page   int      // of the first section
	// last is the path of the last section: what comes next is compared with it.
	last []string
}

func whole(s *lode.SilverText, sections []lode.Section) part {
	first, last := sections[0], sections[len(sections)-1]
	span := lode.Span{Start: first.Span.Start, End: last.Span.End}
	return part{span: span, tokens: tokens.Count(s.Text[span.Start:span.End]), path: first.Path, page: first.Page}
}

func chunks(s *lode.SilverText, parts []part) []lode.Chunk {
	out := make([]lode.Chunk, len(parts))
	for i, p := range parts {
		out[i] = lode.Chunk{
			ID:     lode.ChunkID{Ordinal: uint32(i)},
			Text:   s.Text[p.span.Start:p.span.End],
			Span:   p.span,
			Path:   p.path,
			Page:   p.page,
			Tokens: p.tokens,
		}
	}
	return out
}
