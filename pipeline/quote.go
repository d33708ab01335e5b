package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// Quote returns what citations lead to, in their order, each followed to the bytes that were received
// as [Pipeline.Trace] does. What is not there, or may not be seen, is not found; a raw vector
// has its text but no bytes that it came from; spans outside of a text quote nothing. Each
// version is read once, and one at a time. More than 8 MiB of text are [lode.CodeInvalid].
func (p *Pipeline) Quote(ctx context.Context, who lode.Principal, collection string, cited []lode.Cited, asOf time.Time) ([]lode.Quotation, error) {
	order := make([]int, len(cited))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := cited[i].Chunk, cited[j].Chunk
		return cmp.Or(cmp.Compare(a.Doc, b.Doc), cmp.Compare(a.Version, b.Version))
	})
	out := make([]lode.Quotation, len(cited))
	var l *layers
	size := 0
	for _, i := range order {
		if size > maxQuoted {
			return nil, lode.Invalid("citations", len(cited), "the citations quote more than %d bytes", maxQuoted)
		}
		row, err := p.o.Collections.Chunk(ctx, who, collection, cited[i].Chunk, asOf)
		var coded *lode.Error
		if errors.As(err, &coded) && coded.Code == lode.CodeNotFound && coded.Field != "collection" {
			out[i].Reason = "there is no such passage"
			continue
		}
		if err != nil {
			return nil, err
		}
		if row.Document.Kind != lode.KindDocument {
			out[i] = quoteVector(&row, &cited[i])
			size += len(out[i].Text)
			continue
		}
		if !l.of(row.Chunk.ID) {
			if l, err = p.readLayers(ctx, &row); err != nil {
				return nil, err
			}
		}
		out[i] = l.quote(collection, &row, &cited[i])
		size += len(out[i].Text)
	}
	return out, nil
}

// maxQuoted bounds what is held at a time: chunks may be whole documents, and 128 of them be cited.
const maxQuoted = 8 << 20

// quoteVector is the text that came with a raw vector.
func quoteVector(row *lode.Row, c *lode.Cited) lode.Quotation {
	q := lode.Quotation{Found: true, Kind: lode.KindVector, Text: row.Chunk.Text, Reason: "its text came with a raw vector, not from a document"}
	if row.Chunk.Text == "" {
		q.Reason = "a raw vector without text"
	}
	if len(c.Spans) > 0 {
		take(&q, row.Chunk.Text, c.Spans)
	}
	return q
}

func (l *layers) quote(collection string, row *lode.Row, c *lode.Cited) lode.Quotation {
	trace := l.trace(collection, row)
	q := lode.Quotation{Found: true, Kind: lode.KindDocument, Text: row.Chunk.Shown(), Verified: trace.Verified()}
	for _, check := range trace.Checks {
		if !check.OK {
			q.Reason = check.Name + ": " + check.Detail
			break
		}
	}
	if len(c.Spans) > 0 && l.silver != nil {
		take(&q, l.silver.Text, c.Spans)
	}
	return q
}

// take makes spans of a text what is quoted.
func take(q *lode.Quotation, text string, spans []lode.Span) {
	parts := make([]string, len(spans))
	size := 0
	for i, s := range spans {
		if s.Within(len(text)) {
			parts[i] = text[s.Start:s.End]
			size += s.Len()
		}
		if !s.Within(len(text)) || size > len(text) {
			q.Text, q.Verified, q.Reason = "", false, fmt.Sprintf("span %v is outside of the text of %d bytes, or repeats it", s, len(text))
			return
		}
	}
	q.Text = strings.Join(parts, "\n")
}
