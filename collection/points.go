package collection

import (
	"context"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// PutPoints stores raw vectors, each under its id: a new one is added, a known one
// replaced, and one with equal content left as it is. It returns an error for each point,
// nil where it is stored; those are visible to every search that begins afterwards.
func (e *Engine) PutPoints(ctx context.Context, p lode.Principal, collection string, points []lode.Point) ([]error, error) {
	c, err := e.open(p, collection)
	if err != nil {
		return nil, err
	}
	by, err := checkedActor(p)
	if err != nil {
		return nil, err
	}
	results := make([]error, len(points))
	var items []cbor.RawMessage
	var places []int
	for i := range points {
		item, err := e.encodePoint(&c.settings, &points[i])
		if err != nil {
			results[i] = err
			continue
		}
		items, places = append(items, item), append(places, i)
	}
	at := e.now()
	for _, group := range group(items) {
		errs, err := propose[[]error](ctx, e, &putPoints{Collection: c.settings.ID, Actor: by, At: at, Points: group})
		if err != nil {
			return results, err
		}
		scatter(results, places[:len(group)], errs)
		places = places[len(group):]
	}
	return results, nil
}

// encodePoint checks a point and gives it the form that it has in the log.
func (e *Engine) encodePoint(settings *lode.Collection, p *lode.Point) (cbor.RawMessage, error) {
	if err := p.ID.Validate(); err != nil {
		return nil, err
	}
	if err := p.Vector.ValidateFor(settings.Dim, settings.Metric); err != nil {
		return nil, err
	}
	if len(p.Text) > lode.MaxPointTextBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "text", len(p.Text), "text has %d bytes, the limit is %d", len(p.Text), lode.MaxPointTextBytes)
	}
	if !utf8.ValidString(p.Text) {
		return nil, lode.Invalid("text", "", "text is not valid UTF-8")
	}
	if err := checkFacts(p.Metadata, p.Readers); err != nil {
		return nil, err
	}
	return e.codec.enc.Marshal(&point{
		ID: p.ID, Vector: lode.AppendVector(nil, p.Vector), Text: p.Text,
		Metadata: p.Metadata, Readers: normalReaders(p.Readers),
	})
}

func checkFacts(m lode.Metadata, readers []string) error {
	if err := m.Validate(); err != nil {
		return err
	}
	return lode.ValidateReaders(readers)
}

// Point returns a raw vector as it was stored.
func (e *Engine) Point(ctx context.Context, p lode.Principal, collection string, id lode.DocID) (lode.Point, error) {
	var found lode.Point
	err := e.read(ctx, p, collection, lode.KindVector, id, func(tx *storage.Tx, d *document) error {
		staged, err := tx.Chunk(d.doc.Collection, d.current, 0)
		if err != nil {
			return err
		}
		vector, err := lode.ParseVector(staged.Vector)
		found = lode.Point{ID: d.doc.ID, Vector: vector, Text: staged.Chunk.Text, Metadata: d.doc.Metadata, Readers: d.doc.Readers}
		return err
	})
	return found, err
}
