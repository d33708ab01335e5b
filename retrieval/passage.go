package retrieval

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// passage is what one header stands above: a chunk, or neighbouring chunks of a document version.
type passage struct {
	hit  *lode.Row
	rows []lode.Row // ascending; the hit's may be among them
	text string     // without white space at its end
	// stretches are where the text came from: between two of them is white space of ours, or
	// nothing, or [skipped].
	stretches []stretch
	extent    lode.Span       // from the first byte shown to the last, headers apart
	cut       bool            // the text goes on and is not shown
	flags     []lode.TextFlag // of what is shown
	name      string          // title and headings, as a header shows them
	place     string          // address, as a header shows it
	cost      int             // in tokens, of its place in the context
	written   string          // the passage as the form writes it under a number
	number    int             // which that is; 0: it is not written yet
	costed    int             // the number that cost is of; 0: it is not counted yet
}

// stretch is text of one chunk in a passage, or a header that stands above it.
type stretch struct {
	at    int // in the passage's text
	len   int
	span  lode.Span // in the canonical text
	above bool      // the header of the table that the next stretch goes on in
}

// maxGrown is how many bytes a passage may have that another chunk is added to: one that is longer
// is too much for one citation, and is counted as a whole each time.
const maxGrown = 16 << 10

// skipped stands where chunks between two are not shown.
const skipped = "\n[…]\n"

// newPassage joins chunks. The canonical text goes on from one to the next, but for white space
// that belongs to no chunk: between them stands a line end for one byte of it and an empty line
// for more. Where chunks overlap, what is shown already is left out. A text that begins inside of a
// table stands below the header of the table.
func newPassage(hit *lode.Row, rows []lode.Row) *passage {
	p := &passage{hit: hit, rows: rows, name: labelOf(hit), place: originOf(hit)}
	if c := &rows[0].Chunk; len(rows) == 1 && c.Header == nil {
		p.text, p.stretches = c.Text, []stretch{{len: len(c.Text), span: c.Span}}
		return p.cutAt(len(strings.TrimRightFunc(p.text, isBreakOrSpace)))
	}
	var b strings.Builder
	for i := range rows {
		c := &rows[i].Chunk
		text, span, begins := c.Text, c.Span, true
		if i > 0 {
			between, repeated := p.between(&rows[i-1].Chunk, c)
			if repeated >= len(text) {
				continue
			}
			b.WriteString(between)
			text, span.Start = text[repeated:], span.Start+repeated
			begins = between == skipped
		}
		if begins && c.Header != nil && !p.quotes(c.Header.Span) {
			p.stretches = append(p.stretches, stretch{at: b.Len(), len: len(c.Header.Text), span: c.Header.Span, above: true})
			b.WriteString(c.Header.Text)
			b.WriteByte('\n')
		}
		p.stretches = append(p.stretches, stretch{at: b.Len(), len: len(text), span: span})
		b.WriteString(text)
	}
	p.text = b.String()
	return p.cutAt(len(strings.TrimRightFunc(p.text, isBreakOrSpace)))
}

// between returns what stands between a chunk and the next one, and how many bytes of the next one
// are shown already.
func (p *passage) between(before, c *lode.Chunk) (string, int) {
	end := p.stretches[len(p.stretches)-1].span.End
	gap := c.Span.Start - end
	switch {
	case c.ID.Ordinal > before.ID.Ordinal+1:
		return skipped, 0
	case gap == 0:
		return "", 0
	case gap == 1:
		return "\n", 0
	case gap < 0 && c.Span.Len() == len(c.Text):
		return "", min(-gap, len(c.Text))
	}
	return separator, 0
}

// cutAt returns the passage with no more than the first n bytes of its text.
func (p *passage) cutAt(n int) *passage {
	short := *p
	short.text, short.stretches, short.flags, short.number, short.costed = p.text[:n], nil, nil, 0, 0
	for _, s := range p.stretches {
		if s.at >= n {
			break
		}
		if over := s.at + s.len - n; over > 0 {
			if s.span.Len() == s.len {
				s.span.End -= over
			}
			s.len -= over
		}
		short.stretches = append(short.stretches, s)
	}
	short.extent = lode.Span{}
	if bodies := short.bodies(); len(bodies) > 0 {
		short.extent = lode.Span{Start: bodies[0].Start, End: bodies[len(bodies)-1].End}
	}
	short.flags = short.shownFlags()
	return &short
}

// shownFlags are the flags of the chunks as far as what they are of is shown, if only in part.
func (p *passage) shownFlags() (flags []lode.TextFlag) {
	var spans []lode.Span // in order, which headers may not be
	seen := map[lode.TextFlag]bool{}
	for i := range p.rows {
		for _, flag := range p.rows[i].Chunk.Flags {
			if spans == nil {
				spans = slices.Concat(p.headers(), p.bodies())
				slices.SortFunc(spans, func(a, b lode.Span) int { return cmp.Compare(a.End, b.End) })
			}
			at := sort.Search(len(spans), func(i int) bool { return spans[i].End > flag.Span.Start })
			if at < len(spans) && spans[at].Overlaps(flag.Span) && !seen[flag] {
				seen[flag] = true
				flags = append(flags, flag)
			}
		}
	}
	return flags
}

// quotes reports whether a part of the canonical text is shown in one piece.
func (p *passage) quotes(span lode.Span) bool {
	return slices.ContainsFunc(p.stretches, func(s stretch) bool {
		return s.span.Start <= span.Start && span.End <= s.span.End
	})
}

// bodies are the spans of the passage without headers above it: neighbours without a gap as one.
func (p *passage) bodies() []lode.Span {
	spans := make([]lode.Span, 0, len(p.stretches))
	for _, s := range p.stretches {
		if n := len(spans); s.above {
			continue
		} else if n > 0 && spans[n-1].End == s.span.Start {
			spans[n-1].End = s.span.End
			continue
		}
		spans = append(spans, s.span)
	}
	return spans
}

// parts are the spans shown, where they are more than one.
func (p *passage) parts() []lode.Span {
	if spans := p.bodies(); len(spans) > 1 {
		return spans
	}
	return nil
}

// headers are the spans of the headers that stand above text of the passage.
func (p *passage) headers() []lode.Span {
	var spans []lode.Span
	for _, s := range p.stretches {
		if s.above {
			spans = append(spans, s.span)
		}
	}
	return spans
}

func (p *passage) first() uint32 { return p.rows[0].Chunk.ID.Ordinal }
func (p *passage) last() uint32  { return p.rows[len(p.rows)-1].Chunk.ID.Ordinal }

// nears reports whether one of the chunks comes before the passage or behind it without a gap.
func (p *passage) nears(chunks []lode.Row) bool {
	return slices.ContainsFunc(chunks, func(r lode.Row) bool {
		return r.Chunk.ID.Ordinal == p.last()+1 || r.Chunk.ID.Ordinal+1 == p.first()
	})
}

// with returns the passage with chunks that go on from it or that it goes on from, under the same
// headings; ok is false for others, and where the passage was cut or is long.
func (p *passage) with(rows []lode.Row) (longer *passage, ok bool) {
	var all []lode.Row
	switch {
	case p.cut || len(p.text) > maxGrown:
		return nil, false
	case rows[0].Chunk.ID.Ordinal == p.last()+1:
		all = slices.Concat(p.rows, rows)
	case rows[len(rows)-1].Chunk.ID.Ordinal+1 == p.first():
		all = slices.Concat(rows, p.rows)
	default:
		return nil, false
	}
	for i := range rows {
		if !slices.Equal(rows[i].Chunk.Path, p.hit.Chunk.Path) {
			return nil, false
		}
	}
	if end := p.rows[len(p.rows)-1].Chunk; end.Span.Len() != len(end.Text) {
		return nil, false
	}
	return newPassage(p.hit, all), true
}

// cite says where the passage comes from.
func (p *passage) cite(number int, now time.Time) lode.Citation {
	row := p.hit
	c := lode.Citation{
		Number:     number,
		Chunk:      row.Chunk.ID,
		Document:   row.Document.ID,
		URI:        row.Version.URI,
		Title:      row.Version.Title,
		Path:       row.Chunk.Path,
		Page:       p.page(),
		Span:       p.extent,
		Parts:      p.parts(),
		Headers:    p.headers(),
		Bronze:     row.Version.Blob,
		ReceivedAt: row.Version.ReceivedAt,
		Flags:      p.flags,
	}
	if !c.ReceivedAt.IsZero() {
		c.Age = max(0, now.Sub(c.ReceivedAt))
	}
	return c
}

// page is where the passage begins.
func (p *passage) page() int { return p.rows[0].Chunk.Page }
