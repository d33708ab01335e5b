package retrieval_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

func fusedBy(t *testing.T, how lode.Fusion) []string {
	t.Helper()
	v := newView()
	v.dense = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
	v.lexical = v.candidates(1, 12, 4, 8, 2, 8)
	w, q := 0.5, ask("words")
	q.DenseWeight, q.Fusion = &w, how
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range result.Hits {
		got = append(got, fmt.Sprintf("%d %.4f", h.Row.ID, h.Score))
	}
	return got
}

func TestFusions(t *testing.T) {
	for how, want := range map[lode.Fusion][]string{
		"":                {"1 1.0000", "2 0.2500", "3 0.0000", "4 0.0000"},
		lode.FusionMinMax: {"1 1.0000", "2 0.2500", "3 0.0000", "4 0.0000"},
		lode.FusionRRF:    {"1 1.0000", "2 0.9839", "4 0.4919", "3 0.4841"}, // 61/61; 61/62 twice; 61/62; 61/63
		lode.FusionDBSF:   {"1 0.7199", "2 0.4411", "4 0.1911", "3 0.1479"}, // sd .1633 and 1.8856
	} {
		if diff := cmp.Diff(want, fusedBy(t, how)); diff != "" {
			t.Errorf("%q: %s", how, diff)
		}
	}
}

// A collection says how it is ranked, and queries may say otherwise.
func TestRankingOfTheCollection(t *testing.T) {
	v, e := newView(), unit()
	v.dense, v.lexical = v.candidates(1, 0.9, 2, 0.1), v.candidates(3, 10, 4, 5)
	v.bound = 1000 // rule 4 would raise a default
	w := 0.3
	v.collection.Tuning.Ranking = &lode.Ranking{DenseWeight: &w, Fusion: lode.FusionRRF, Reason: "evaluation support"}
	result, err := retriever(v, e).Retrieve(t.Context(), anyone, ask("words"))
	if err != nil || result.DenseWeight != w || result.WeightReason != "set for the collection: evaluation support" || result.Hits[0].Score != 0.7 {
		t.Errorf("weight %v %q, %v", result.DenseWeight, result.WeightReason, err)
	}
	own, q := 0.9, ask("words")
	q.DenseWeight, q.Fusion = &own, lode.FusionMinMax
	result, err = retriever(v, e).Retrieve(t.Context(), anyone, q)
	if err != nil || result.DenseWeight != own || result.Hits[0].Row.ID != 1 || result.Hits[2].Score != 0 {
		t.Errorf("%v, %v", result.DenseWeight, err)
	}
}

var today = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)

func TestRecency(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(1, 8, 2, 6, 3, 5, 4, -1)
	for id, days := range map[lode.RowID]int{1: 60, 2: 30, 3: 0, 4: 30} {
		v.rows[id].Version.ReceivedAt = today.AddDate(0, 0, -days)
	}
	o := options(v, unit())
	o.Clock = func() time.Time { return today }
	q := ask("words")
	q.Mode, q.Recency = lode.ModeLexical, &lode.Recency{HalfLife: lode.Period(30 * 24 * time.Hour)}
	show := func() string {
		t.Helper()
		result, err := retrieval.New(o).Retrieve(t.Context(), anyone, q)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, h := range result.Hits {
			fmt.Fprintf(&b, "%d=%.3g ", h.Row.ID, h.Score)
		}
		return b.String()
	}
	if got := show(); got != "3=5 2=3 1=2 4=-1.5 " {
		t.Error(got)
	}
	q.Recency.Weight = 0.5
	if got := show(); got != "1=5 3=5 2=4.5 4=-1.25 " {
		t.Error(got)
	}
	// A field of the metadata counts where there is one.
	q.Recency = &lode.Recency{HalfLife: lode.Period(30 * 24 * time.Hour), Field: "published"}
	v.rows[1].Document.Metadata = lode.Metadata{"published": lode.ListValue(lode.StringValue("2026-10-28"), lode.StringValue("1990-01-01"))}
	v.rows[2].Document.Metadata = lode.Metadata{"published": lode.StringValue("2030-01-01T00:00:00Z")} // the future is no age
	v.rows[3].Document.Metadata = lode.Metadata{"published": lode.StringValue("soon")}
	if got := show(); got != "2=6 3=5 1=4 4=-1.5 " {
		t.Error(got)
	}
	if v.calls["Rows"] != 3 {
		t.Errorf("rows were read %d times by 3 queries", v.calls["Rows"])
	}
}

func TestMinScores(t *testing.T) {
	v := newView()
	v.dense, v.lexical = v.candidates(1, 0.9, 2, 0.7, 3, 0.5), v.candidates(2, 9, 4, 8)
	for _, c := range []struct {
		least map[lode.Component]float64
		want  []lode.RowID
	}{
		{map[lode.Component]float64{lode.ComponentDense: 0.7}, []lode.RowID{2, 1}},
		{map[lode.Component]float64{lode.ComponentLexical: 0}, []lode.RowID{2, 4}},
		{map[lode.Component]float64{lode.ComponentScore: 0.5, lode.ComponentFused: 0.75}, []lode.RowID{2}},
		{map[lode.Component]float64{lode.ComponentRerank: -10}, nil},
	} {
		q := ask("words")
		q.MinScores = c.least
		result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, rowsOf(result)); diff != "" {
			t.Errorf("%v: %s", c.least, diff)
		}
	}
}

// many makes rows of few documents and sources with texts that partly repeat, ranked by number.
func many(v *fakeView, n int, text func(i int) string) {
	var pairs []float64
	for i := 1; i <= n; i++ {
		id := lode.RowID(i)
		r := row(id, text(i))
		r.Document.No = lode.DocNo(i%7 + 1)
		r.Chunk.ID = lode.ChunkID{Doc: r.Document.No, Version: 1, Ordinal: uint32(i)}
		r.Version.URI = fmt.Sprintf("https://host-%d/%d", r.Document.No%3, i)
		v.rows[id] = r
		pairs = append(pairs, float64(i), float64(n-i+1))
	}
	v.lexical = v.candidates(pairs...)
}

func TestCapsFillUp(t *testing.T) {
	v := newView()
	many(v, 60, func(i int) string { return fmt.Sprint("text ", i) })
	q := ask("words")
	q.Mode, q.K, q.PerDocument = lode.ModeLexical, 14, 2
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || len(result.Hits) != 14 || result.Hits[13].Row.ID != 14 {
		t.Fatalf("%v, %v", rowsOf(result), err)
	}
	q.PerDocument, q.PerSource = 0, 1
	result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || !slices.Equal(rowsOf(result), []lode.RowID{1, 2, 3}) {
		t.Errorf("%v, %v", rowsOf(result), err)
	}
	// The metadata says what a source is, before hosts do.
	for id := range v.rows {
		v.rows[id].Document.Metadata = lode.Metadata{"source": lode.StringValue(fmt.Sprint(id / 30))}
	}
	result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || !slices.Equal(rowsOf(result), []lode.RowID{1, 30, 60}) {
		t.Errorf("%v, %v", rowsOf(result), err)
	}
}

// What collapse and caps drop is made up for from deeper, within bounds, and never against a depth
// that was asked for.
func TestDeepens(t *testing.T) {
	v := newView()
	many(v, 3000, func(i int) string { return fmt.Sprint("text ", i) })
	for id := lode.RowID(1); id <= 1200; id++ {
		v.rows[id].Document.No = 1
	}
	q := ask("words")
	q.Mode, q.K, q.PerDocument = lode.ModeLexical, 5, 1
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || len(result.Hits) != 5 || !slices.Equal(v.asked.depth, []int{100, 400, 1600}) {
		t.Errorf("%v at depths %v, %v", rowsOf(result), v.asked.depth, err)
	}
	v.asked.depth = nil
	q.Depth = 100
	result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || len(result.Hits) != 1 || !slices.Equal(v.asked.depth, []int{100}) {
		t.Errorf("%v at depths %v, %v", rowsOf(result), v.asked.depth, err)
	}
	v.asked.depth = nil
	q.Depth = 0
	v.lexical = v.lexical[:90] // there is no more
	if _, err = retriever(v, unit()).Retrieve(t.Context(), anyone, q); err != nil || len(v.asked.depth) != 1 {
		t.Errorf("depths %v, %v", v.asked.depth, err)
	}
}

func TestCollapse(t *testing.T) {
	v := newView()
	texts := []string{
		"the quick brown fox jumps over the lazy dog by the river", "Quite another text about nothing much at all",
		"The QUICK brown fox jumps over the lazy dog, by the river!", "the quick brown fox jumps over the lazy dog by the lake", "", "",
	}
	many(v, len(texts), func(i int) string { return texts[i-1] })
	at, q := 1.0, ask("words")
	q.Mode, q.Collapse = lode.ModeLexical, &at
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || !slices.Equal(rowsOf(result), []lode.RowID{1, 2, 4, 5, 6}) { // texts without words are no repetition
		t.Fatalf("%v, %v", rowsOf(result), err)
	}
	at = 0.6
	result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || !slices.Equal(rowsOf(result), []lode.RowID{1, 2, 5, 6}) {
		t.Fatalf("%v, %v", rowsOf(result), err)
	}
	if diff := cmp.Diff([]lode.ChunkID{v.rows[3].Chunk.ID, v.rows[4].Chunk.ID}, result.Hits[0].Duplicates); diff != "" {
		t.Error(diff)
	}
}

func TestDiversity(t *testing.T) {
	v := newView()
	many(v, 4, func(i int) string { return []string{"a b c d e", "a b c d e", "x y z u v", "a b c d f"}[i-1] })
	d, q := 0.0, ask("words")
	q.Mode, q.K, q.Diversity = lode.ModeLexical, 2, &d
	want := func(text string, ids ...lode.RowID) {
		t.Helper()
		result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
		if err != nil || !slices.Equal(rowsOf(result), ids) {
			t.Errorf("%s: %v, %v; want %v", text, rowsOf(result), err, ids)
		}
		for _, h := range result.Hits {
			if h.Score != *h.Lexical || h.Row.Vector != nil {
				t.Errorf("%s: hit %+v", text, h)
			}
		}
	}
	want("relevance alone", 1, 2)
	d = 0.5
	want("by words", 1, 3)
	for id, x := range map[lode.RowID]lode.Vector{1: {1, 0}, 2: {0, 2}, 3: {5, 0.1}, 4: {-1, 0}} {
		r := v.rows[id]
		r.Vector = x
		v.rows[id] = r
	}
	want("by vectors", 1, 2)
	d, q.K = 1, 4
	want("difference alone", 1, 2, 4, 3)
}

// Whatever stages a query has: contributions sum to the score to the bit, the order is by score,
// bounds hold, and as many hits come back as a plain reading of the stages allows.
func TestStagesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newView()
		words := rapid.IntRange(2, 6).Draw(t, "words")
		many(v, rapid.IntRange(0, 80).Draw(t, "rows"), func(i int) string {
			var b strings.Builder
			for j := range 8 {
				fmt.Fprintf(&b, "w%d ", (i*(j+3)+j)%words)
			}
			return b.String()
		})
		for id := range v.rows {
			v.rows[id].Version.ReceivedAt = today.Add(-time.Duration(id) * time.Hour * 1000 / 7)
		}
		for _, c := range v.lexical {
			if c.Row%3 > 0 {
				v.dense = append(v.dense, lode.Candidate{Row: c.Row, Score: 1 / float64(c.Row*5%31+1)})
			}
		}
		slices.SortFunc(v.dense, func(a, b lode.Candidate) int {
			if a.Better(b) {
				return -1
			}
			return 1
		})
		v.bound = 90
		q := drawQuery(t)
		o := options(v, unit())
		o.Clock = func() time.Time { return today }
		o.RerankerFor = func(lode.Collection, string) (retrieval.Reranker, error) { return oddReranker{}, nil }
		result, err := retrieval.New(o).Retrieve(context.Background(), anyone, q)
		if err != nil {
			t.Fatal(err)
		}
		checkHits(t, &q, result)
		if q.Diversity != nil {
			return
		}
		// The same without what drops, dropped by a plain reading, has the same hits.
		plain := q
		plain.Collapse, plain.PerDocument, plain.PerSource, plain.K = nil, 0, 0, 200
		plain.Depth = max(q.Depth, 200)
		if q.Depth > 0 && q.Depth < 200 || q.Rerank != nil {
			return // another depth is another ranking
		}
		q.Depth = 200
		if result, err = retrieval.New(o).Retrieve(context.Background(), anyone, q); err != nil {
			t.Fatal(err)
		}
		all, err := retrieval.New(o).Retrieve(context.Background(), anyone, plain)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dropped(all.Hits, &q), rowsOf(result)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func drawQuery(t *rapid.T) lode.Query {
	q := ask("words")
	q.Explain = true
	q.K = rapid.IntRange(1, 40).Draw(t, "k")
	q.Mode = rapid.SampledFrom([]lode.Mode{lode.ModeHybrid, lode.ModeDense, lode.ModeLexical}).Draw(t, "mode")
	q.Fusion = rapid.SampledFrom([]lode.Fusion{"", lode.FusionMinMax, lode.FusionRRF, lode.FusionDBSF}).Draw(t, "fusion")
	if rapid.Bool().Draw(t, "recency") {
		q.Recency = &lode.Recency{HalfLife: lode.Period(40 * 24 * time.Hour), Weight: rapid.Float64Range(0, 1).Draw(t, "recency weight")}
	}
	if rapid.Bool().Draw(t, "rerank") {
		q.Rerank = &lode.Rerank{Name: "odd", Depth: rapid.IntRange(1, 60).Draw(t, "rerank depth")}
	}
	if rapid.Bool().Draw(t, "min") {
		q.MinScores = map[lode.Component]float64{rapid.SampledFrom(lode.Components()).Draw(t, "component"): rapid.Float64Range(0, 1).Draw(t, "least")}
	}
	if rapid.Bool().Draw(t, "collapse") {
		at := rapid.Float64Range(0, 1).Draw(t, "at")
		q.Collapse = &at
	}
	q.PerDocument, q.PerSource = rapid.IntRange(0, 3).Draw(t, "per document"), rapid.IntRange(0, 9).Draw(t, "per source")
	if rapid.Bool().Draw(t, "diversity") {
		d := rapid.Float64Range(0, 1).Draw(t, "d")
		q.Diversity = &d
	}
	if rapid.Bool().Draw(t, "depth") {
		q.Depth = rapid.IntRange(q.K, 300).Draw(t, "depth is")
	}
	return q
}

func checkHits(t *rapid.T, q *lode.Query, result *lode.Result) {
	if len(result.Hits) > q.K {
		t.Fatalf("%d hits for k %d", len(result.Hits), q.K)
	}
	documents, sources := map[lode.DocNo]int{}, map[string]int{}
	for i, h := range result.Hits {
		sum := 0.0
		for _, c := range h.Explanation.Contributions {
			sum += c.Value
		}
		if math.Float64bits(sum) != math.Float64bits(h.Score) {
			t.Fatalf("hit %d: contributions %v sum to %v, not %v", i, h.Explanation.Contributions, sum, h.Score)
		}
		if i > 0 && q.Diversity == nil && h.Score > result.Hits[i-1].Score {
			t.Fatalf("hits %d and %d are out of order", i-1, i)
		}
		documents[h.Row.Document.No]++
		sources[strings.SplitN(h.Row.Version.URI, "/", 4)[2]]++
		if q.PerDocument > 0 && documents[h.Row.Document.No] > q.PerDocument || q.PerSource > 0 && sources[strings.SplitN(h.Row.Version.URI, "/", 4)[2]] > q.PerSource {
			t.Fatalf("hit %d is beyond its cap", i)
		}
		for _, other := range result.Hits[:i] {
			if q.Collapse != nil && jaccard(h.Row.Chunk.Text, other.Row.Chunk.Text) >= *q.Collapse {
				t.Fatalf("hit %d repeats one before it", i)
			}
		}
	}
}

// dropped is collapse and caps by the letter.
func dropped(all []lode.Hit, q *lode.Query) (rows []lode.RowID) {
	var unlike []lode.Hit
	documents, sources := map[lode.DocNo]int{}, map[string]int{}
	for _, h := range all {
		if q.Collapse != nil && slices.ContainsFunc(unlike, func(o lode.Hit) bool { return jaccard(h.Row.Chunk.Text, o.Row.Chunk.Text) >= *q.Collapse }) {
			continue
		}
		unlike = append(unlike, h)
		host := strings.SplitN(h.Row.Version.URI, "/", 4)[2]
		if q.PerDocument > 0 && documents[h.Row.Document.No] == q.PerDocument || q.PerSource > 0 && sources[host] == q.PerSource {
			continue
		}
		documents[h.Row.Document.No]++
		sources[host]++
		if len(rows) < q.K {
			rows = append(rows, h.Row.ID)
		}
	}
	return rows
}

func jaccard(a, b string) float64 {
	sets := [2]map[string]bool{{}, {}}
	for i, s := range []string{a, b} {
		words := strings.Fields(strings.ToLower(s))
		for j := 0; j == 0 || j+3 <= len(words); j++ {
			sets[i][strings.Join(words[j:min(j+3, len(words))], " ")] = true
		}
	}
	common := 0
	for s := range sets[0] {
		if sets[1][s] {
			common++
		}
	}
	return float64(common) / float64(len(sets[0])+len(sets[1])-common)
}

// oddReranker scores by row number, in three parts.
type oddReranker struct{}

func (oddReranker) Rank(_ context.Context, _ string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	out := make([]lode.RerankScore, len(ps))
	for i, p := range ps {
		for j := range 3 {
			part := math.Sin(float64(p.Row)*0.7 + float64(j))
			out[i].Score += part
			out[i].Contributions = append(out[i].Contributions, lode.ScoreContribution{Name: fmt.Sprint("feature:", j), Value: part})
		}
	}
	return out, nil
}
