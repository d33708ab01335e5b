package collection

import (
	"context"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// PutPoints stores raw vectors, each under its id: a new one is added, a known one
// replaced, and one with equal content left as it is. It returns for each point the version
// that it has now, or an error; points without an error are visible to every search that
// begins afterwards.
func (e *Engine) PutPoints(ctx context.Context, p lode.Principal, w lode.Write, collection string, points []lode.Point) ([]lode.Version, []error, error) {
	by, err := checkedActor(p)
	if err != nil {
		return nil, nil, err
	}
	c, openErr := e.open(p, collection)
	fitting := c
	if w.Key != "" {
		// Whether a vector fits is left to Apply: the parts of a repeated write must be cut as
		// they were, and the collection of the name may be another one by now.
		fitting = nil
	}
	versions, results := make([]lode.Version, len(points)), make([]error, len(points))
	var items []cbor.RawMessage
	var places []int
	for i := range points {
		item, err := e.encodePoint(fitting, &points[i])
		if err != nil {
			results[i] = err
			continue
		}
		items, places = append(items, item), append(places, i)
	}
	at, groups := e.now(), group(items)
	for k, group := range groups {
		got, err := carry[written](ctx, e, p, partOf(w, k, len(groups)), openErr, func() command {
			return &putPoints{Collection: c.settings.ID, Actor: by, At: at, Points: group}
		})
		if err == nil {
			err = scatter(results, places[:len(group)], got.errs)
			nameOwn(results, places[:len(group)], func(at int) lode.DocID { return points[at].ID })
		}
		if err == nil {
			err = scatter(versions, places[:len(group)], got.versions)
		}
		if err != nil {
			return versions, results, naming(w.Key, err)
		}
		places = places[len(group):]
	}
	if len(groups) == 0 {
		return versions, results, openErr
	}
	return versions, results, nil
}

// encodePoint checks a point and gives it the form that it has in the log. Without a
// collection only what holds for all of them is checked.
func (e *Engine) encodePoint(c *collection, p *lode.Point) (cbor.RawMessage, error) {
	if err := p.ID.Validate(); err != nil {
		return nil, err
	}
	if err := checkVector(c, p.Vector); err != nil {
		return nil, err
	}
	if len(p.Text) > lode.MaxPointTextBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "text", len(p.Text), "text has %d bytes, the limit is %d", len(p.Text), lode.MaxPointTextBytes)
	}
	if !utf8.ValidString(p.Text) {
		return nil, lode.Invalid("text", "", "text is not valid UTF-8")
	}
	named := p.Named()
	if err := checkNamed(c, &named); err != nil {
		return nil, err
	}
	dense, sparse := named.Pack()
	facts := lode.Facts{Metadata: p.Metadata, Readers: p.Readers, ExpiresAt: p.ExpiresAt}
	if err := facts.Validate(); err != nil {
		return nil, err
	}
	return e.codec.enc.Marshal(&point{
		ID: p.ID, Vector: lode.AppendVector(nil, p.Vector), Text: p.Text,
		Metadata: p.Metadata, Readers: normalReaders(p.Readers), ExpiresAt: plainTimeOf(p.ExpiresAt), IfVersion: p.IfVersion,
		Vectors: dense, Sparse: sparse,
	})
}

func checkVector(c *collection, v lode.Vector) error {
	if c != nil {
		return v.ValidateFor(c.settings.Dim, c.settings.Metric)
	}
	if len(v) == 0 || len(v) > lode.MaxDim {
		return lode.Invalid("vector", len(v), "a vector has 1 to %d dimensions", lode.MaxDim)
	}
	return v.ValidateFor(len(v), lode.Dot)
}

func checkNamed(c *collection, n *lode.NamedVectors) error {
	if c != nil {
		return n.ValidateFor(&c.settings)
	}
	return n.Validate()
}

// Point returns a raw vector as it was stored, with those in named spaces.
func (e *Engine) Point(ctx context.Context, p lode.Principal, collection string, id lode.DocID) (lode.Point, error) {
	var found lode.Point
	err := e.read(ctx, p, collection, lode.KindVector, id, func(tx *storage.Tx, d *document) error {
		staged, err := tx.Chunk(d.doc.Collection, d.current, 0)
		if err != nil {
			return err
		}
		var row lode.Row
		err = readVectors(&row, staged)
		found = lode.Point{ID: d.doc.ID, Vector: row.Vector, Vectors: row.Vectors, Sparse: row.Sparse, Text: staged.Chunk.Text, Metadata: d.doc.Metadata, Readers: d.doc.Readers, ExpiresAt: d.doc.ExpiresAt, Version: d.newest.Version}
		return err
	})
	return found, err
}
