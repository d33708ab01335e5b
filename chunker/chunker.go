package chunker

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// version returns the version of a strategy, which grows whenever the same text and
// configuration give other chunks.
//
// recursive: 2 repeats the header of tables and cuts code between its parts.
func version(strategy string) int {
	if strategy == lode.ChunkRecursive {
		return 2
	}
	return 1
}

// Fingerprint identifies the chunker and everything that its result depends on but for the
// embedder of the semantic strategy, such as "recursive/2 min=256 max=400 cl100k_base". What
// is missing in the configuration has its default.
func Fingerprint(c lode.ChunkerConfig) string {
	c.EnsureDefaults()
	out := fmt.Sprintf("%s/%d", c.Strategy, version(c.Strategy))
	if c.MinTokens > 0 {
		out += fmt.Sprintf(" min=%d", c.MinTokens)
	}
	if c.MaxTokens > 0 {
		out += fmt.Sprintf(" max=%d", c.MaxTokens)
	}
	if c.Overlap > 0 {
		out += fmt.Sprintf(" overlap=%d", c.Overlap)
	}
	return out + " " + tokens.Name
}

// Embed returns one vector for each text, in order, all of the same dimensions; see
// embed.Embedder. Equal texts must have equal vectors, or chunks are not deterministic.
type Embed func(ctx context.Context, texts []string) ([]lode.Vector, error)

// Chunk cuts s. The ordinals of the chunks are set, their document and version are left to
// the caller. Text without ink gives no chunks. What is missing in the configuration has its
// default. embed may be nil but for a strategy that embeds, as
// [lode.ChunkerConfig.Embeds] says; ctx is for embed alone.
//
// The error is [lode.CodeInvalid] for a configuration or text that cannot be used,
// [lode.CodeCorrupt] for sections that do not fit the text, or that of embed.
//
// The chunks share memory with s.
func Chunk(ctx context.Context, s *lode.SilverText, c lode.ChunkerConfig, embed Embed) ([]lode.Chunk, error) {
	c.EnsureDefaults()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("chunk text: %w", err)
	}
	if c.Embeds() && embed == nil {
		return nil, lode.Invalid("strategy", c.Strategy, "chunk text: the %s strategy needs an embedder", c.Strategy)
	}
	if !utf8.ValidString(s.Text) {
		return nil, lode.Errorf(lode.CodeInvalid, "chunk text: canonical text is not UTF-8")
	}
	sections, err := inked(s)
	if err != nil || len(sections) == 0 {
		return nil, err
	}
	parts, err := cut(ctx, s.Text, sections, c, embed)
	if err != nil {
		return nil, fmt.Errorf("chunk text: %w", err)
	}
	out := chunks(s, parts)
	if c.Strategy != lode.ChunkWhole {
		addHeaders(s.Text, sections, c.MaxTokens/headerShare, out)
	}
	return out, nil
}

// cut makes the parts of a strategy.
func cut(ctx context.Context, text string, sections []lode.Section, c lode.ChunkerConfig, embed Embed) ([]part, error) {
	cut := cutter{text: text, min: c.MinTokens, max: c.MaxTokens}
	switch c.Strategy {
	case lode.ChunkWhole:
		return []part{whole(text, sections)}, nil
	case lode.ChunkFixed:
		return cut.windows(sections, c.Overlap), nil
	}
	var parts []part
	for _, p := range passages(divided(text, sections, c.MaxTokens), c.Strategy == lode.ChunkParent) {
		switch c.Strategy {
		case lode.ChunkSentences:
			parts = append(parts, cut.groups(p)...)
			continue
		case lode.ChunkSemantic:
			if err := cut.weigh(ctx, p, embed); err != nil {
				return nil, err
			}
		}
		parts = append(parts, cut.split(p)...)
	}
	switch c.Strategy {
	case lode.ChunkSentences:
		return parts, nil
	case lode.ChunkParent:
		return cut.within(parts), nil
	}
	return cut.merge(parts), nil
}

// part is a chunk in the making: trimmed, within the budget.
type part struct {
	span   lode.Span
	tokens int
	path   []string // of the first section; of the last one where chunks keep within sections
	page   int      // of the first section
	// last is the path of the last section: what comes next is compared with it.
	last []string
}

func whole(text string, sections []lode.Section) part {
	first, last := sections[0], sections[len(sections)-1]
	span := lode.Span{Start: first.Span.Start, End: last.Span.End}
	return part{span: span, tokens: tokens.Count(text[span.Start:span.End]), path: first.Path, page: first.Page}
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
