package collection

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/payload"
)

// ScrollQuery selects documents and raw vectors that searches show, page by page.
type ScrollQuery struct {
	Filter lode.Filter
	Kind   lode.Kind // 0: both
	// Field orders by its value: numbers, times, other strings, false and true; what lacks it
	// comes last. Of a list the first in that order counts. Without a field the order is that in
	// which contents became searchable.
	Field string
	Desc  bool
	After *ScrollPlace // where the page before ended
	Limit int          // at most MaxPage; the default is DefaultPage
}

// ScrollPlace is a place in the order of a [ScrollQuery].
type ScrollPlace struct {
	Value lode.Value // of the field
	Row   lode.RowID
}

// Scrolled is one document of a page, with its place.
type Scrolled struct {
	Document *lode.Document // shared; do not modify
	Rows     int            // passages
	Place    ScrollPlace
}

// Scroll returns a page, and whether there is more behind it.
func (v *View) Scroll(ctx context.Context, q ScrollQuery) (page []Scrolled, more bool, err error) {
	if q.Limit, err = pageLimit(q.Limit); err != nil {
		return nil, false, err
	}
	if q.Kind != 0 {
		if err := checkKind(q.Kind); err != nil {
			return nil, false, err
		}
	}
	may, err := v.allow(ctx, v.base, q.Filter)
	if err != nil {
		return nil, false, err
	}
	if q.Field == "" {
		page = v.inOrderOfRows(may, &q)
	} else {
		if err := checkField(q.Field); err != nil {
			return nil, false, err
		}
		page, err = v.inOrderOf(ctx, may, &q)
	}
	more = len(page) > q.Limit
	return slices.Clip(page[:min(q.Limit, len(page))]), more, err
}

func (q *ScrollQuery) wants(e *entry) bool { return q.Kind == 0 || e.doc.Kind == q.Kind }

// inOrderOfRows returns up to one document more than a page.
func (v *View) inOrderOfRows(may *allowed, q *ScrollQuery) (page []Scrolled) {
	s, rows := v.base, v.ordinals(may)
	from := 0
	if q.After != nil {
		from = sort.Search(len(s.rows), func(i int) bool { return s.rows[i].id > q.After.Row })
	}
	rows.EachFrom(uint32(from), func(ordinal uint32) bool {
		e := s.docs.at(s.rows[ordinal].slot)
		if e.ordinal == ordinal && q.wants(e) {
			page = append(page, Scrolled{Document: e.doc, Rows: int(e.rows), Place: ScrollPlace{Row: e.first}})
		}
		return len(page) <= q.Limit
	})
	return page
}

// inOrderOf is inOrderOfRows in the order of a field: every block gives its first ones.
func (v *View) inOrderOf(ctx context.Context, may *allowed, q *ScrollQuery) (page []Scrolled, err error) {
	s := v.base
	order := func(a, b Scrolled) int {
		return cmp.Or(payload.CompareValues(a.Place.Value, b.Place.Value, q.Desc), cmp.Compare(a.Place.Row, b.Place.Row))
	}
	err = s.eachBlock(ctx, may, func(p *partView, at int, b *payload.Block, rows *payload.Rows) {
		v.dropOthers(p, at, rows, q)
		base := at * payload.BlockRows
		for _, o := range b.Order(q.Field, rows, q.Desc, q.Limit+1, q.placeIn(s, p, base)) {
			e := s.docs.at(s.rows[p.rows[base+o.Row]-1].slot)
			page = append(page, Scrolled{Document: e.doc, Rows: int(e.rows), Place: ScrollPlace{Value: o.Value, Row: e.first}})
		}
		if len(page) > 8*q.Limit {
			slices.SortFunc(page, order)
			page = page[:q.Limit+1]
		}
	})
	slices.SortFunc(page, order)
	return page[:min(q.Limit+1, len(page))], err
}

// dropOthers leaves rows of the kind that is asked for.
func (v *View) dropOthers(p *partView, at int, rows *payload.Rows, q *ScrollQuery) {
	if q.Kind == 0 {
		return
	}
	s, kept := v.base, payload.Rows{}
	rows.Each(func(row int) bool {
		if q.wants(s.docs.at(s.rows[p.rows[at*payload.BlockRows+row]-1].slot)) {
			kept.Set(row)
		}
		return true
	})
	*rows = kept
}

// placeIn is where a block goes on: rows of all blocks are in one order, that of their ids.
func (q *ScrollQuery) placeIn(s *snapshot, p *partView, base int) *payload.Cursor {
	if q.After == nil {
		return nil
	}
	n := min(payload.BlockRows, len(p.rows)-base)
	behind := sort.Search(n, func(i int) bool {
		row := p.rows[base+i]
		return row > 0 && s.rows[row-1].id > q.After.Row
	})
	if behind == n {
		behind = payload.BlockRows + 1
	}
	return &payload.Cursor{Value: q.After.Value, Row: behind - 1}
}
