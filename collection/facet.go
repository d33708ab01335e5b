package collection

import (
	"cmp"
	"context"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/payload"
)

// Counted is how much a filter matches, of what a principal may see.
type Counted struct {
	Documents int // and raw vectors
	Rows      int // passages of documents, and raw vectors
}

// Count counts what the filter matches.
func (v *View) Count(ctx context.Context, f lode.Filter) (Counted, error) {
	may, err := v.allow(ctx, v.base, f)
	if err != nil {
		return Counted{}, err
	}
	var n Counted
	for _, rows := range may.parts {
		n.Rows += rows.Count()
	}
	v.base.eachDocument(may.parts, func(*entry) { n.Documents++ })
	return n, nil
}

// FacetValue is a value of a field with how often it occurs.
type FacetValue struct {
	Value lode.Value
	Counted
}

// MaxFacets bounds the values of one answer.
const MaxFacets = 10_000

// Facet counts the values of a metadata field in what the filter matches, the most frequent
// first, values that occur alike in their order. A document with several values counts with
// each. distinct is the number of different values, of which at most limit are returned.
func (v *View) Facet(ctx context.Context, field string, f lode.Filter, limit int) (values []FacetValue, distinct int, err error) {
	if err := checkField(field); err != nil {
		return nil, 0, err
	}
	if limit < 1 || limit > MaxFacets {
		return nil, 0, lode.Invalid("limit", limit, "limit must be 1 to %d", MaxFacets)
	}
	may, err := v.allow(ctx, v.base, f)
	if err != nil {
		return nil, 0, err
	}
	counts := map[facetKey]*FacetValue{}
	err = v.base.eachBlock(ctx, may, func(_ *partView, _ int, b *payload.Block, rows *payload.Rows) {
		b.Facet(field, rows, func(value lode.Value, documents, rows int) {
			key := facetKeyOf(value)
			c := counts[key]
			if c == nil {
				c = &FacetValue{Value: value}
				counts[key] = c
			}
			c.Documents += documents
			c.Rows += rows
		})
	})
	for _, c := range counts {
		values = append(values, *c)
	}
	slices.SortFunc(values, func(a, b FacetValue) int {
		return cmp.Or(cmp.Compare(b.Documents, a.Documents), payload.CompareValues(a.Value, b.Value, false))
	})
	return slices.Clip(values[:min(limit, len(values))]), len(values), err
}

func checkField(field string) error {
	exists := true
	if err := lode.Where(field, lode.Test{Exists: &exists}).Validate(); err != nil {
		return coded(err)
	}
	return nil
}

// facetKey is a scalar; values that are equal, as 1 and 1.0, have one key.
type facetKey struct {
	kind lode.ValueKind
	text string
	num  float64
	int  int64
	flag bool
}

func facetKeyOf(v lode.Value) facetKey {
	k := facetKey{kind: v.Kind, text: v.Text, num: v.Num, int: v.Int, flag: v.Bool}
	if whole := int64(v.Num); v.Kind == lode.KindFloat && float64(whole) == v.Num && v.Num < 1<<63 {
		k.kind, k.num, k.int = lode.KindInteger, 0, whole
	}
	return k
}

// eachBlock calls f with every block that has rows that may be found, its number in its part,
// and those rows.
func (s *snapshot) eachBlock(ctx context.Context, may *allowed, f func(p *partView, block int, b *payload.Block, rows *payload.Rows)) error {
	var rows payload.Rows
	for i := range s.parts {
		p := &s.parts[i]
		for at, b := range p.blocks {
			if at%16 == 0 {
				if err := index.Stopped(ctx); err != nil {
					return err
				}
			}
			for j := range rows {
				rows[j] = may.parts[i].Word(at*blockWords + j)
			}
			if rows.Any() {
				f(p, at, b, &rows)
			}
		}
	}
	return nil
}
