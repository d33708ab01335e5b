package segment

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode/index"
)

// TestOrder: rows that are dealt to parts in any way give the answer of one index of them all, in
// the same order, also where equal scores are cut. Without an order some answers must differ.
func TestOrder(t *testing.T) {
	rng := seeded(t)
	opts := Options{Fields: 2, Positions: true}
	differ := 0
	for range 60 {
		rows := make([]Row, 50+rng.IntN(1500))
		for i := range rows {
			rows[i] = randomRow(rng, 2, 12, 6) // few terms: many equal scores
		}
		one := []View{{Part: mustGrow(t, opts, rows), Allow: index.NewBitset(len(rows))}}
		dealt, places := make([][]Row, 3), make([][]uint32, 3)
		views := make([]View, 3)
		for i := range views {
			views[i].Allow = index.NewBitset(len(rows))
		}
		for i, row := range rows {
			to := rng.IntN(3)
			if rng.IntN(3) > 0 {
				one[0].Allow.Set(uint32(i))
				views[to].Allow.Set(uint32(len(dealt[to])))
			}
			dealt[to], places[to] = append(dealt[to], row), append(places[to], uint32(i))
			if rng.IntN(9) == 0 { // a row that is none of the collection's has the number before
				dealt[to], places[to] = append(dealt[to], nil), append(places[to], uint32(i))
			}
		}
		for i := range views {
			views[i].Part = mustGrow(t, opts, dealt[i])
			if rng.IntN(2) == 0 {
				views[i].Part = mustOpen(t, mustSeal(t, views[i].Part.(*Growing)), opts)
			}
		}
		q, o := randomQuery(rng, opts, 12), SearchOptions{K: 1 + rng.IntN(20)}
		named := func(hits []Hit) (rows []index.Candidate) {
			for _, h := range hits {
				rows = append(rows, index.Candidate{Ordinal: places[h.Part][h.Row], Score: h.Score})
			}
			return rows
		}
		var want []index.Candidate
		for _, h := range mustSearch(t, q, one, o) {
			want = append(want, index.Candidate{Ordinal: h.Row, Score: h.Score})
		}
		if !cmp.Equal(named(mustSearch(t, q, views, o)), want) {
			differ++
		}
		for i := range views {
			views[i].Order = places[i]
		}
		if d := cmp.Diff(want, named(mustSearch(t, q, views, o))); d != "" {
			t.Fatalf("%+v: %s", q, d)
		}
	}
	if differ == 0 {
		t.Error("the order of parts was always that of rows: nothing was tested")
	}
}
