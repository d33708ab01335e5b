package server_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

const shelfPoints = 60

// shelf is a collection with a space of three dimensions under the dot product, "title", and a
// sparse one, "words". A third of its points lack either. All numbers are small fractions, so
// that scores are exact, and equal ones come in the order of the points.
func shelf(t *testing.T, c *client.Client, rnd *rand.Rand) (points []v1.Point) {
	t.Helper()
	made, err := c.CreateCollection(t.Context(), v1.CreateCollection{
		Name: "shelf", Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: 2},
		Vectors: map[string]v1.VectorSpace{"title": {Dim: 3, Metric: lode.Dot}, "words": {Sparse: true}},
	})
	if err != nil || len(made.Vectors) != 2 {
		t.Fatalf("%+v, %v", made, err)
	}
	number := func() float32 { return float32(1+rnd.IntN(64)) / 64 }
	for i := range shelfPoints {
		p := v1.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: lode.Vector{1, 0}, Metadata: lode.Metadata{"n": lode.IntegerValue(int64(i % 2))}}
		if i%3 != 0 {
			p.Vectors = map[string]lode.Vector{"title": {number(), number(), number()}}
		}
		if i%3 != 1 {
			v := v1.SparseVector{}
			for index := range uint32(8) {
				if rnd.IntN(3) == 0 || index == 7 && len(v.Indices) == 0 {
					v.Indices, v.Values = append(v.Indices, 1000*index), append(v.Values, number())
				}
			}
			p.Sparse = map[string]v1.SparseVector{"words": v}
		}
		points = append(points, p)
	}
	if _, err := c.PutVectors(t.Context(), "shelf", points...); err != nil {
		t.Fatal(err)
	}
	return points
}

// nearestOf ranks the points that have a score by it: the answer that is right.
func nearestOf(points []v1.Point, k int, score func(*v1.Point) (float64, bool)) (ids []lode.DocID) {
	best := map[lode.DocID]float64{}
	for i := range points {
		if x, ok := score(&points[i]); ok {
			best[points[i].ID] = x
			ids = append(ids, points[i].ID)
		}
	}
	slices.SortStableFunc(ids, func(a, b lode.DocID) int { return cmp.Compare(best[b], best[a]) })
	return ids[:min(k, len(ids))]
}

func sparseDot(a, b v1.SparseVector) (sum float64, shared bool) {
	for i, index := range a.Indices {
		if j, ok := slices.BinarySearch(b.Indices, index); ok {
			sum += float64(a.Values[i]) * float64(b.Values[j])
			shared = true
		}
	}
	return sum, shared
}

func ids(hits []v1.Hit) (out []lode.DocID) {
	for _, h := range hits {
		out = append(out, h.DocumentID)
	}
	return out
}

// checkShelf asks in both spaces, with and without a filter, and holds the answers against those
// that are right.
func checkShelf(t *testing.T, c *client.Client, points []v1.Point) {
	t.Helper()
	ctx, k := t.Context(), 10
	title, words := lode.Vector{0.5, -1, 2}, v1.SparseVector{Indices: []uint32{0, 2000, 7000}, Values: lode.Vector{1, 0.5, 2}}
	odd := lode.WhereEq("n", lode.IntegerValue(1))
	for _, filter := range []*lode.Filter{nil, &odd} {
		passes := func(p *v1.Point) bool { return filter == nil || p.Metadata["n"].Equal(lode.IntegerValue(1)) }
		want := nearestOf(points, k, func(p *v1.Point) (sum float64, ok bool) {
			v, ok := p.Vectors["title"]
			for i := range v {
				sum += float64(v[i]) * float64(title[i])
			}
			return sum, ok && passes(p)
		})
		got, err := c.SearchVectors(ctx, "shelf", v1.SearchVectors{Vector: title, Using: "title", K: &k, Filter: filter, Explain: true, WithText: ptr(false)})
		if err != nil || !slices.Equal(ids(got.Hits), want) || got.Explanation == nil || len(got.Explanation.Segments) == 0 {
			t.Errorf("title, filter %v: %v, %v, want %v", filter != nil, got, err, want)
		}
		many, err := c.SearchVectorsBatch(ctx, "shelf", v1.SearchVectorsBatch{Vectors: []lode.Vector{{1, 1, 1}, title}, Using: "title", K: &k, Filter: filter, Exact: true, WithText: ptr(false)})
		if err != nil || !slices.Equal(ids(many.Results[1].Hits), want) {
			t.Errorf("batch, filter %v: %v, %v, want %v", filter != nil, many, err, want)
		}
		want = nearestOf(points, k, func(p *v1.Point) (float64, bool) {
			sum, shared := sparseDot(p.Sparse["words"], words)
			return sum, shared && passes(p)
		})
		got, err = c.SearchVectors(ctx, "shelf", v1.SearchVectors{Sparse: &words, Using: "words", K: &k, Filter: filter, WithVector: ptr(true)})
		if err != nil || !slices.Equal(ids(got.Hits), want) || len(want) == 0 {
			t.Fatalf("words, filter %v: %v, %v, want %v", filter != nil, got, err, want)
		}
		for _, h := range got.Hits {
			if sum, shared := sparseDot(h.Sparse["words"], words); !shared || h.Score != sum || h.DenseScore != nil {
				t.Errorf("a hit of %v shows %v", h.Score, h.Sparse)
			}
		}
	}
}

// TestSpaces: named spaces from end to end, before and after sealing, deletions and a restart.
func TestSpaces(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ctx, dir := t.Context(), t.TempDir()
	node, c := open(t, server.Config{DataDir: dir})
	points := shelf(t, c, rand.New(rand.NewPCG(seed, 0)))
	checkShelf(t, c, points)
	if _, err := c.SealSegment(ctx, "shelf"); err != nil {
		t.Fatal(err)
	}
	checkShelf(t, c, points)
	points[5].Vectors, points[5].Sparse = map[string]lode.Vector{"title": {0, 0, 50}}, nil
	if _, err := c.PutVectors(ctx, "shelf", points[5]); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteVector(ctx, "shelf", points[0].ID); err != nil {
		t.Fatal(err)
	}
	points = points[1:]
	checkShelf(t, c, points)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, server.Config{DataDir: dir})
	checkShelf(t, c, points)
	got, err := c.GetVector(ctx, "shelf", "p5")
	if err != nil || !slices.Equal(got.Vectors["title"], lode.Vector{0, 0, 50}) || got.Sparse != nil || got.Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	about, err := c.GetCollection(ctx, "shelf")
	if err != nil || about.Vectors["title"] != (v1.VectorSpace{Dim: 3, Metric: lode.Dot}) || about.Vectors["words"] != (v1.VectorSpace{Sparse: true}) {
		t.Errorf("%+v, %v", about, err)
	}
}

// TestSpacesRefuse: what the engine finds wrong with named vectors has the names of the wire.
func TestSpacesRefuse(t *testing.T) {
	_, c := open(t, server.Config{})
	shelf(t, c, rand.New(rand.NewPCG(1, 1)))
	f := func(err error, field string) {
		t.Helper()
		var refusal *lode.Error
		if !errors.As(err, &refusal) || refusal.Code != lode.CodeInvalid || refusal.Field != field {
			t.Errorf("want %s: %v", field, err)
		}
	}
	search := func(q v1.SearchVectors) error {
		_, err := c.SearchVectors(t.Context(), "shelf", q)
		return err
	}
	put := func(p v1.Point) error {
		p.ID, p.Vector = "bad", lode.Vector{1, 0}
		_, err := c.PutVectors(t.Context(), "shelf", p)
		return err
	}
	entry, twice := v1.SparseVector{Indices: []uint32{1}, Values: lode.Vector{1}}, v1.SparseVector{Indices: []uint32{1, 1}, Values: lode.Vector{1, 1}}
	f(search(v1.SearchVectors{Vector: lode.Vector{1, 0}, Using: "none"}), "using")
	f(search(v1.SearchVectors{Vector: lode.Vector{1, 0}, Using: "words"}), "using")
	f(search(v1.SearchVectors{Sparse: &entry, Using: "title"}), "using")
	f(search(v1.SearchVectors{Sparse: &entry}), "using")
	f(search(v1.SearchVectors{Vector: lode.Vector{1, 0}, Using: "title", WithText: ptr(false)}), "vector")
	f(search(v1.SearchVectors{Sparse: &twice, Using: "words"}), "sparse.indices")
	f(put(v1.Point{Vectors: map[string]lode.Vector{"title": {1}}}), "points[0].vectors.title")
	f(put(v1.Point{Vectors: map[string]lode.Vector{"words": {1}}}), "points[0].vectors.words")
	f(put(v1.Point{Sparse: map[string]v1.SparseVector{"words": twice}}), "points[0].sparse.words.indices")
	f(put(v1.Point{Sparse: map[string]v1.SparseVector{"title": entry}}), "points[0].sparse.title")
}
