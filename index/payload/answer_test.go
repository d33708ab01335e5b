package payload

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
)

// counted is a value with what Facet says about it.
type counted struct {
	value      lode.Value
	docs, rows int
}

func (c counted) equal(d counted) bool {
	return c.value.Equal(d.value) && c.docs == d.docs && c.rows == d.rows
}

func count(list []counted, v lode.Value, docs, rows int) []counted {
	for i := range list {
		if list[i].value.Equal(v) {
			list[i].docs += docs
			list[i].rows += rows
			return list
		}
	}
	return append(list, counted{v, docs, rows})
}

func sortCounted(list []counted) []counted {
	slices.SortFunc(list, func(a, b counted) int { return CompareValues(a.value, b.value, false) })
	return list
}

// items are the scalars of a document's field that indexes understand.
func items(d *lode.Document, field string) (list []lode.Value) {
	d.Metadata.Each(field, func(item lode.Value) bool {
		if k, ok := constantOf(&item); ok && k.kind != isNull {
			list = append(list, item)
		}
		return true
	})
	return list
}

// plainFacet is Facet by brute force.
func plainFacet(docs []Doc, field string, among *Rows) (list []counted) {
	for _, d := range docs {
		rows, docs := among.CountRange(d.First, d.First+d.Rows), 1
		if rows == 0 {
			continue
		}
		if d.Continued {
			docs = 0
		}
		var seen []counted
		for _, v := range items(d.Doc, field) {
			seen = count(seen, v, 0, 0)
		}
		for _, s := range seen {
			list = count(list, s.value, docs, rows)
		}
	}
	return sortCounted(list)
}

// plainOrder is Order by brute force: everything, sorted.
func plainOrder(docs []Doc, field string, among *Rows, desc bool) (list []Ordered) {
	for _, d := range docs {
		if among.CountRange(d.First, d.First+d.Rows) == 0 || d.Continued {
			continue
		}
		o := Ordered{Row: d.First, Doc: d.Doc}
		if values := items(d.Doc, field); len(values) > 0 {
			o.Value = slices.MinFunc(values, func(a, b lode.Value) int { return CompareValues(a, b, desc) })
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Ordered) int {
		return cmp.Or(CompareValues(a.Value, b.Value, desc), cmp.Compare(a.Row, b.Row))
	})
	return list
}

func randomRows(r *rand.Rand) *Rows {
	var rows Rows
	for range r.IntN(5) {
		from := r.IntN(BlockRows)
		rows.SetRange(from, from+r.IntN(2000))
	}
	for range r.IntN(300) {
		rows.Set(r.IntN(BlockRows))
	}
	return &rows
}

func randomBlock(t *testing.T, r *rand.Rand) (*Block, []Doc) {
	docs := randomDocs(r, 0, BlockRows, r.IntN(400))
	if len(docs) > 0 && r.IntN(2) == 0 {
		docs[0].Continued = true
	}
	b, err := New(docs)
	for i := 0; i < 5 && err == nil; i++ {
		b, docs, err = step(r, b, docs)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b, docs
}

func TestFacet(t *testing.T) {
	r := random(t)
	for range 40 {
		b, docs := randomBlock(t, r)
		for _, field := range fields {
			among := randomRows(r)
			var got []counted
			b.Facet(field, among, func(v lode.Value, docs, rows int) { got = count(got, v, docs, rows) })
			want := plainFacet(docs, field, among)
			if !slices.EqualFunc(sortCounted(got), want, counted.equal) {
				t.Fatalf("field %s: got %+v, want %+v", field, got, want)
			}
		}
	}
}

// TestOrder demands the order in pages of random size, each from where the last one ended.
func TestOrder(t *testing.T) {
	r := random(t)
	for range 40 {
		b, docs := randomBlock(t, r)
		for _, field := range fields {
			among, desc := randomRows(r), r.IntN(2) == 0
			want := plainOrder(docs, field, among, desc)
			var got []Ordered
			var after *Cursor
			for page := []Ordered{{}}; len(page) > 0 && len(got) <= len(want); {
				page = b.Order(field, among, desc, 1+r.IntN(60), after)
				if got = append(got, page...); len(page) > 0 {
					last := page[len(page)-1]
					after = &Cursor{last.Value, last.Row}
				}
			}
			same := func(x, y Ordered) bool {
				return x.Row == y.Row && x.Doc == y.Doc && CompareValues(x.Value, y.Value, desc) == 0
			}
			if !slices.EqualFunc(got, want, same) {
				t.Fatalf("field %s, desc %v: got %+v, want %+v", field, desc, got, want)
			}
			if len(b.Order(field, among, desc, 0, nil)) != 0 {
				t.Fatal("no documents wanted, some given")
			}
		}
	}
}

// TestCursorOfOtherBlock demands that all or none of the documents with the cursor's value
// come, by where its block lies.
func TestCursorOfOtherBlock(t *testing.T) {
	doc := &lode.Document{Metadata: lode.Metadata{"a": lode.IntegerValue(1)}}
	b, err := New([]Doc{{First: 0, Rows: 1, Doc: doc}, {First: BlockRows - 1, Rows: 1, Doc: doc}})
	if err != nil {
		t.Fatal(err)
	}
	var all Rows
	b.All(&all)
	for row, want := range map[int]int{-1: 2, 0: 1, BlockRows - 1: 0, BlockRows: 0} {
		if got := b.Order("a", &all, false, 9, &Cursor{lode.FloatValue(1), row}); len(got) != want {
			t.Errorf("behind row %d: %+v", row, got)
		}
	}
}

func TestOrderOfKinds(t *testing.T) {
	values := []lode.Value{
		lode.IntegerValue(math.MinInt64), lode.FloatValue(-0.5), lode.IntegerValue(2),
		lode.StringValue("2024-05-01T01:00:00+02:00"), lode.StringValue("2024-05-01"), lode.StringValue("2024"),
		lode.StringValue("a"), lode.BoolValue(false), lode.BoolValue(true),
	}
	for i, v := range values {
		for j, w := range values {
			if got, want := CompareValues(v, w, false), cmp.Compare(i, j); got != want {
				t.Errorf("%v and %v: %d", v, w, got)
			}
			if got, want := CompareValues(v, w, true), cmp.Compare(j, i); got != want {
				t.Errorf("%v and %v, descending: %d", v, w, got)
			}
		}
		if CompareValues(v, lode.Value{}, false) >= 0 || CompareValues(v, lode.Value{}, true) >= 0 {
			t.Errorf("a missing value does not come behind %v", v)
		}
	}
}

func TestRows(t *testing.T) {
	r := random(t)
	for range 2000 {
		a, b := randomRows(r), randomRows(r)
		from := r.IntN(BlockRows+40) - 20
		to := from + r.IntN(200) - 20
		union, both, less, in, out := *a, *a, *a, *a, *a
		union.Or(b)
		both.And(b)
		less.AndNot(b)
		in.SetRange(from, to)
		out.ClearRange(from, to)
		n := 0
		for row := range BlockRows {
			inside := from <= row && row < to
			if union.Has(row) != (a.Has(row) || b.Has(row)) || both.Has(row) != (a.Has(row) && b.Has(row)) ||
				less.Has(row) != (a.Has(row) && !b.Has(row)) || in.Has(row) != (a.Has(row) || inside) ||
				out.Has(row) != (a.Has(row) && !inside) {
				t.Fatalf("row %d, range [%d, %d)", row, from, to)
			}
			if inside && a.Has(row) {
				n++
			}
		}
		if a.CountRange(from, to) != n || a.CountRange(0, BlockRows) != a.Count() || a.Any() != (a.Count() > 0) {
			t.Fatalf("counts of [%d, %d)", from, to)
		}
	}
}
