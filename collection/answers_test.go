package collection_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index/payload"
)

// shelf is a node with documents of several rows and raw vectors in sealed, merged and growing
// segments, some of them replaced, changed and deleted, some hidden from the principal that
// asks.
type shelf struct {
	*node
	who  lode.Principal
	docs map[string]*shelved
}

type shelved struct {
	kind     lode.Kind
	id       lode.DocID
	metadata lode.Metadata
	readers  []string
	texts    []string
	order    int // of becoming searchable
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{node: open(t, withGraphs(new(testGraphs))), who: lode.Principal{ID: "w", Labels: []string{"w"}}, docs: map[string]*shelved{}}
	s.create("c")
	random := rand.New(rand.NewPCG(5, 6))
	put := func(round, i int) {
		d := &shelved{kind: lode.KindVector, id: lode.DocID(fmt.Sprint("p", i)), order: round*100 + i, metadata: lode.Metadata{}}
		switch random.IntN(5) {
		case 0:
		case 1:
			d.metadata["n"] = lode.FloatValue(float64(random.IntN(6)))
		case 2:
			d.metadata["n"] = lode.StringValue(fmt.Sprint(random.IntN(4)))
		case 3:
			d.metadata["n"] = lode.ListValue(lode.IntegerValue(int64(random.IntN(6))), lode.StringValue("x"))
		default:
			d.metadata["n"] = lode.IntegerValue(int64(random.IntN(6)))
		}
		if random.IntN(4) == 0 {
			d.readers = []string{"other"}
		}
		if i%4 == 0 {
			d.kind = lode.KindDocument
			for range 1 + random.IntN(5) {
				d.texts = append(d.texts, fmt.Sprint("text ", random.IntN(1000)))
			}
		} else {
			d.texts = []string{fmt.Sprint("text ", random.IntN(1000))}
		}
		s.put(d)
	}
	for round := range 5 {
		for range 30 {
			put(round, random.IntN(60))
		}
		s.seal("c")
		if round == 3 {
			if _, err := s.MergeDue(ctx); err != nil {
				t.Fatal(err)
			}
		}
		s.buildGraphs(-1)
	}
	for range 10 {
		put(5, random.IntN(60))
	}
	return s
}

func (s *shelf) put(d *shelved) {
	s.t.Helper()
	if d.kind == lode.KindVector {
		p := lode.Point{ID: d.id, Vector: vectorOf(d.texts[0]), Text: d.texts[0], Metadata: d.metadata, Readers: d.readers}
		if errs, err := s.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
			s.t.Fatal(err, errs)
		}
	} else {
		text := ""
		for i, line := range d.texts {
			if i > 0 {
				text += "\n"
			}
			text += line
		}
		a := s.accepted("c", d.id, text)
		a.Metadata, a.Readers = d.metadata, d.readers
		if r := s.submit(a); r.Outcome == lode.OutcomeCreated || r.Outcome == lode.OutcomeUpdated {
			if err := s.finish(s.job("c", r), text); err != nil {
				s.t.Fatal(err)
			}
		} else if old := s.docs[fmt.Sprint(d.kind, d.id)]; old != nil {
			d.order = old.order
		}
	}
	if old := s.docs[fmt.Sprint(d.kind, d.id)]; old != nil && slices.Equal(old.texts, d.texts) {
		d.order = old.order // its rows stay
	}
	s.docs[fmt.Sprint(d.kind, d.id)] = d
}

// shown are the documents that who asks may see and a filter matches.
func (s *shelf) shown(f lode.Filter) (all []*shelved) {
	for _, d := range s.docs {
		if s.who.MaySee(d.readers) && f.Match(&lode.Document{ID: d.id, Metadata: d.metadata}) {
			all = append(all, d)
		}
	}
	return all
}

func shelfFilters(t *testing.T) []lode.Filter {
	var all []lode.Filter
	for _, text := range []string{`{}`, `{"field":"n","gte":2}`, `{"not":{"field":"n","exists":true}}`, `{"has_id":["p1","p4","p8"]}`, `{"or":[]}`} {
		var f lode.Filter
		if err := f.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// TestCountsAndFacets compares counts with what was put.
func TestCountsAndFacets(t *testing.T) {
	s := newShelf(t)
	for _, f := range shelfFilters(t) {
		v := s.view(s.who, "c")
		got, err := v.Count(ctx, f)
		want, values := collection.Counted{}, map[string]collection.Counted{}
		for _, d := range s.shown(f) {
			want.Documents++
			want.Rows += len(d.texts)
			once := map[string]bool{}
			d.metadata.Each("n", func(x lode.Value) bool {
				if x.Kind == lode.KindFloat {
					x = lode.IntegerValue(int64(x.Num))
				}
				key := fmt.Sprint(x.Kind, x.Text, x.Int)
				if !once[key] {
					c := values[key]
					values[key] = collection.Counted{Documents: c.Documents + 1, Rows: c.Rows + len(d.texts)}
				}
				once[key] = true
				return true
			})
		}
		if err != nil || got != want {
			t.Errorf("%v: counted %+v, want %+v, %v", f, got, want, err)
		}
		facets, distinct, err := v.Facet(ctx, "n", f, 100)
		if err != nil || distinct != len(values) || len(facets) != distinct {
			t.Errorf("%v: %d values, want %d, %v", f, distinct, len(values), err)
		}
		for i, x := range facets {
			if want := values[fmt.Sprint(x.Value.Kind, x.Value.Text, x.Value.Int)]; x.Counted != want {
				t.Errorf("%v: value %v counts %+v, want %+v", f, x.Value, x.Counted, want)
			}
			if i > 0 && x.Documents > facets[i-1].Documents {
				t.Errorf("%v: the order of %v", f, facets)
			}
		}
		if len(facets) > 1 {
			if few, _, err := v.Facet(ctx, "n", f, 1); err != nil || len(few) != 1 || few[0].Counted != facets[0].Counted || !few[0].Value.Equal(facets[0].Value) {
				t.Errorf("the first value is %v, %v", few, err)
			}
		}
	}
	_, _, err := s.view(s.who, "c").Facet(ctx, "n", lode.Filter{}, 0)
	wantCode(t, err, lode.CodeInvalid)
	_, _, err = s.view(s.who, "c").Facet(ctx, "", lode.Filter{}, 1)
	wantCode(t, err, lode.CodeInvalid)
}

// TestScroll walks pages of every size in every order, and meets everything once.
func TestScroll(t *testing.T) {
	s := newShelf(t)
	for _, f := range shelfFilters(t) {
		for _, q := range []collection.ScrollQuery{{}, {Kind: lode.KindVector}, {Field: "n"}, {Field: "n", Desc: true}, {Field: "n", Kind: lode.KindDocument}} {
			q.Filter = f
			var want []lode.DocID
			for _, d := range s.inOrder(q) {
				want = append(want, d.id)
			}
			for _, limit := range []int{1, 3, 1000} {
				q.Limit, q.After = limit, nil
				var got []lode.DocID
				for more := true; more; {
					page, behind, err := s.view(s.who, "c").Scroll(ctx, q)
					if err != nil || len(page) > limit || behind && len(page) < limit {
						t.Fatalf("a page of %d, %v", len(page), err)
					}
					for i := range page {
						got = append(got, page[i].Document.ID)
						q.After = &page[i].Place
					}
					more = behind
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%+v: pages of %d give\n%v, want\n%v", q, limit, got, want)
				}
			}
		}
	}
}

// inOrder is what a scroll should give.
func (s *shelf) inOrder(q collection.ScrollQuery) (all []*shelved) {
	for _, d := range s.shown(q.Filter) {
		if q.Kind == 0 || d.kind == q.Kind {
			all = append(all, d)
		}
	}
	first := func(d *shelved) (best lode.Value) {
		d.metadata.Each(q.Field, func(x lode.Value) bool {
			if best.Kind == lode.KindNone || payload.CompareValues(x, best, q.Desc) < 0 {
				best = x
			}
			return true
		})
		return best
	}
	row := map[*shelved]lode.RowID{}
	for _, d := range all {
		_, v, err := s.Document(ctx, root, "c", d.kind, d.id)
		if err != nil {
			s.t.Fatal(err)
		}
		row[d] = v.FirstRow
	}
	slices.SortFunc(all, func(a, b *shelved) int {
		order := 0
		if q.Field != "" {
			order = payload.CompareValues(first(a), first(b), q.Desc)
		}
		return cmp.Or(order, cmp.Compare(row[a], row[b]))
	})
	return all
}

// TestGroups compares groups with those made of an exact ranking of everything.
func TestGroups(t *testing.T) {
	s := newShelf(t)
	for _, f := range shelfFilters(t) {
		v := s.view(s.who, "c")
		ranking, err := v.Dense(ctx, vectorOf("query"), 1000, f)
		if err != nil {
			t.Fatal(err)
		}
		ids := make([]lode.RowID, len(ranking))
		for i, c := range ranking {
			ids[i] = c.Row
		}
		rows, err := v.Known(ctx, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []collection.GroupQuery{{Groups: 1, Size: 1}, {Groups: 5, Size: 2}, {Groups: 500, Size: 20}} {
			q.Filter = f
			var want []string
			byDoc := map[lode.DocNo]int{}
			for i, r := range rows {
				at, known := byDoc[r.Document.No]
				if !known && len(want) < q.Groups {
					at, known = len(want), true
					want = append(want, fmt.Sprint(r.Document.ID))
					byDoc[r.Document.No] = at
				}
				if known && len(slices.Collect(split(want[at]))) <= q.Size {
					want[at] += fmt.Sprint(" ", ranking[i])
				}
			}
			groups, err := v.Groups(ctx, vectorOf("query"), q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range groups {
				line := fmt.Sprint(g.Document.ID)
				for _, c := range g.Rows {
					line += fmt.Sprint(" ", c)
				}
				got = append(got, line)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v:\n%q, want\n%q", q, got, want)
			}
		}
	}
	_, err := s.view(s.who, "c").Groups(ctx, vectorOf("query"), collection.GroupQuery{Groups: 1000, Size: 11})
	wantCode(t, err, lode.CodeInvalid)
}

// split gives the parts of a group's line.
func split(line string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, c := range line {
			if c == '{' && !yield("") {
				return
			}
		}
		yield("")
	}
}

// TestRecommend: examples lead to what is like them, are left out themselves, and are found only
// by who may see them.
func TestRecommend(t *testing.T) {
	n := open(t)
	n.create("c")
	put := func(id string, x, y float32, readers ...string) {
		p := lode.Point{ID: lode.DocID(id), Vector: lode.Vector{x, y, 0, 0}, Readers: readers}
		if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
	}
	put("right", 8, 1)
	put("right too", 9, 2)
	put("up", 1, 8)
	put("up too", 2, 9)
	put("between", 6, 6)
	put("hidden", 9, 1, "boss")
	who := lode.Principal{ID: "w", Labels: []string{"w"}}
	by := func(ids ...lode.DocID) (all []collection.Example) {
		for _, id := range ids {
			all = append(all, collection.Example{Kind: lode.KindVector, ID: id})
		}
		return all
	}
	for name, c := range map[string]struct {
		q    collection.RecommendQuery
		want string
	}{
		"like one":     {collection.RecommendQuery{Positive: by("right")}, "right too"},
		"unlike":       {collection.RecommendQuery{Positive: by("between"), Negative: by("up")}, "right too"},
		"a vector":     {collection.RecommendQuery{Positive: []collection.Example{{Vector: lode.Vector{0, 1, 0, 0}}}}, "up too"},
		"best":         {collection.RecommendQuery{Positive: by("right", "up"), Strategy: collection.StrategyBest}, "right too"},
		"best without": {collection.RecommendQuery{Negative: by("up too"), Strategy: collection.StrategyBest}, "right"},
		"sum":          {collection.RecommendQuery{Positive: by("right"), Negative: by("up"), Strategy: collection.StrategySum}, "right too"},
		"filtered":     {collection.RecommendQuery{Positive: by("right"), Filter: lode.Not(lode.HasID("right too"))}, "between"},
	} {
		c.q.K = 1
		v := n.view(who, "c")
		found, err := v.Recommend(ctx, c.q)
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", name, found, err)
			continue
		}
		rows, err := v.Known(ctx, []lode.RowID{found[0].Row})
		if err != nil || string(rows[0].Document.ID) != c.want {
			t.Errorf("%s: %v, want %s, %v", name, rows, c.want, err)
		}
	}
	for name, q := range map[string]collection.RecommendQuery{
		"positive":    {},
		"negative[0]": {Positive: by("up"), Negative: by("none")},
		"positive[1]": {Positive: by("up", "hidden")},
		"strategy":    {Positive: by("up"), Strategy: "x"},
	} {
		q.K = 1
		_, err := n.view(who, "c").Recommend(ctx, q)
		if e, ok := err.(*lode.Error); !ok || len(e.Field) < len(name) || e.Field[:len(name)] != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	same := collection.RecommendQuery{Positive: []collection.Example{{Vector: lode.Vector{1, 0, 0, 0}}}, Negative: []collection.Example{{Vector: lode.Vector{2, 0, 0, 0}}}, K: 1}
	if _, err := n.view(who, "c").Recommend(ctx, same); err != nil && !lode.IsCode(err, lode.CodeInvalid) {
		t.Error(err)
	}
}
