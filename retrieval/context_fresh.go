package retrieval

import (
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// fresh returns what of the block is not shown yet, but for what the passage into which it would go
// shows (nil: it would be a passage of its own): the chunks around the hit as far as they stand
// without a gap, those at the ends maybe in part, and where among them the hit is; none when the hit
// says nothing new.
func (a *assembler) fresh(b *block, from source, into *passage) (rows []lode.Row, at int) {
	at = slices.IndexFunc(b.chunks, func(r lode.Row) bool { return r.Chunk.ID == b.hit.Row.Chunk.ID })
	if at < 0 {
		return nil, 0
	}
	hit, ok := a.rest(from, &b.chunks[at], into)
	if !ok {
		return nil, 0
	}
	rests := map[int]lode.Row{at: hit}
	first, end := at, at+1
	for first > 0 && rests[first].Chunk.Span.Start == b.chunks[first].Chunk.Span.Start {
		row, ok := a.rest(from, &b.chunks[first-1], into)
		if !ok || row.Chunk.Span.End != b.chunks[first-1].Chunk.Span.End {
			break
		}
		first--
		rests[first] = row
	}
	for end < len(b.chunks) && rests[end-1].Chunk.Span.End == b.chunks[end-1].Chunk.Span.End {
		row, ok := a.rest(from, &b.chunks[end], into)
		if !ok || row.Chunk.Span.Start != b.chunks[end].Chunk.Span.Start {
			break
		}
		rests[end] = row
		end++
	}
	rows = b.chunks[first:end]
	for i := range rows {
		if rests[first+i].Chunk.Span != rows[i].Chunk.Span {
			rows = slices.Clone(rows) // those of the block stay whole
			break
		}
	}
	for i := range rows {
		if rests[first+i].Chunk.Span != rows[i].Chunk.Span {
			rows[i] = rests[first+i]
		}
	}
	return rows, at - first
}

// rest is the part of a chunk that passages of its document do not show; all of it that overlaps
// the passage into which it would go, unless that shows the whole. ok is false where there is
// nothing new: no ink, or a text that another chunk has shown.
func (a *assembler) rest(from source, row *lode.Row, into *passage) (_ lode.Row, ok bool) {
	if isBlank(row.Chunk.Text) || a.placed[chunkOf{from.collection, row.Chunk.ID}] || a.texts[row.Chunk.Shown()] {
		return *row, false
	}
	span := row.Chunk.Span
	for cut := true; cut && span.Len() > 0; {
		cut = false
		for _, p := range a.shown[from] {
			if !p.extent.Overlaps(span) {
				continue
			}
			for _, shown := range p.bodies() {
				if !shown.Overlaps(span) {
					continue
				}
				if p == into && !covers(shown, span) {
					continue
				}
				span, cut = without(span, shown), true
			}
		}
	}
	switch {
	case span == row.Chunk.Span:
		return *row, true
	case row.Chunk.Span.Len() != len(row.Chunk.Text): // its spans say nothing of its bytes
		return *row, false
	}
	part := partOf(row, span)
	return part, part.Chunk.Text != ""
}

// partOf is a row with a part of its text, white space at the ends apart.
func partOf(row *lode.Row, span lode.Span) lode.Row {
	part := *row
	text := row.Chunk.Text[span.Start-row.Chunk.Span.Start : span.End-row.Chunk.Span.Start]
	inked := strings.TrimLeftFunc(text, isBreakOrSpace)
	span.Start += len(text) - len(inked)
	part.Chunk.Text = strings.TrimRightFunc(inked, isBreakOrSpace)
	part.Chunk.Span = lode.Span{Start: span.Start, End: span.Start + len(part.Chunk.Text)}
	part.Chunk.Tokens = 0 // not known, and not worth a count
	return part
}

func covers(outer, inner lode.Span) bool {
	return outer.Start <= inner.Start && inner.End <= outer.End
}

// without is what of a span is outside of another one that overlaps it: where that lies inside,
// the longer side.
func without(span, shown lode.Span) lode.Span {
	before := lode.Span{Start: span.Start, End: max(span.Start, shown.Start)}
	behind := lode.Span{Start: min(span.End, shown.End), End: span.End}
	if behind.Len() > before.Len() {
		return behind
	}
	return before
}
