package retrieval

import (
	"context"
	"time"

	"github.com/lodedb/lode"
)

// ScrollQuery walks the documents and raw vectors of a collection that searches show.
type ScrollQuery struct {
	Collection string
	Filter     lode.Filter
	Kind       lode.Kind // 0: both
	Field      string    // empty: in the order in which contents became searchable
	Desc       bool
	After      *Place // where the page before ended
	Limit      int    // at most MaxPage; the default is the view's
	With       lode.With
	AsOf       time.Time // as in [lode.Query]
}

// Place is a place in the order of a [ScrollQuery].
type Place struct {
	Value lode.Value // of the field
	Row   lode.RowID // the first of the document
}

// Scrolled is one document of a page, as a view finds it.
type Scrolled struct {
	Document *lode.Document // shared; do not modify
	Rows     int            // passages
	Place    Place
}

// ScrollItem is one document of a page with its first row: whole, where text or vector is asked
// for, else as far as the view knows it.
type ScrollItem struct {
	Row   lode.Row
	Rows  int
	Place Place
}

// Scroll returns a page, and whether there is more behind it, from one view. A page that
// follows is of another view: what is there all the time is met once, whatever changes beside it.
func (r *Retriever) Scroll(ctx context.Context, p lode.Principal, q ScrollQuery) (page []ScrollItem, more bool, err error) {
	if err := lode.ValidateCollectionName(q.Collection); err != nil {
		return nil, false, err
	}
	err = r.inOneView(ctx, p, q.Collection, q.AsOf, func(view View) error {
		found, behind, err := view.Scroll(ctx, q)
		if err != nil {
			return err
		}
		more = behind
		hits := make([]lode.Hit, len(found))
		for i, s := range found {
			hits[i].Row.ID = s.Place.Row
		}
		if err := r.fill(ctx, view, hits, q.With); err != nil {
			return err
		}
		page = make([]ScrollItem, len(found))
		for i, s := range found {
			page[i] = ScrollItem{Row: hits[i].Row, Rows: s.Rows, Place: s.Place}
		}
		return nil
	})
	return page, more, err
}
