package collection_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/sparse"
	"github.com/lodedb/lode/storage"
)

// spaces are those of the collection of spaced.
var spaces = []lode.VectorSpace{{Name: "title", Dim: 3}, {Name: "image", Dim: 2, Metric: lode.L2}, {Name: "words", Sparse: true}, {Name: "unit", Dim: 3, Metric: lode.Cosine}}

func (n *node) createSpaced(name string) lode.Collection {
	n.t.Helper()
	c, err := n.CreateCollection(ctx, root, lode.Collection{
		Name: name, Metric: lode.Dot, Vectors: spaces,
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "m", Dim: dim},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// anyNamed gives a point vectors in some of the spaces.
func anyNamed(rng *rand.Rand, p *lode.Point) {
	small := func(n int) lode.Vector {
		v := make(lode.Vector, n)
		for i := range v {
			v[i] = float32(rng.IntN(7) - 3)
		}
		v[0] += 4
		return v
	}
	p.Vectors, p.Sparse = nil, nil
	dense := map[string]lode.Vector{}
	for _, s := range spaces {
		if !s.Sparse && rng.IntN(3) > 0 {
			dense[s.Name] = small(s.Dim)
		}
	}
	if len(dense) > 0 {
		p.Vectors = dense
	}
	if rng.IntN(3) > 0 {
		p.Sparse = map[string]lode.SparseVector{"words": anySparse(rng)}
	}
}

func anySparse(rng *rand.Rand) (v lode.SparseVector) {
	for i := range uint32(12) {
		if rng.IntN(4) == 0 || i == 11 && v.Len() == 0 {
			v.Indices, v.Values = append(v.Indices, i*i), append(v.Values, float32(rng.IntN(3))-3.5)
		}
	}
	return v
}

// spacedPoints is a plain list of points beside a node.
type spacedPoints struct {
	*node
	rng    *rand.Rand
	points map[lode.DocID]lode.Point
	rows   map[lode.DocID]lode.RowID
	last   lode.RowID
}

func spaced(t *testing.T, change ...func(*collection.Options)) *spacedPoints {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("random seed %d", seed)
		}
	})
	s := &spacedPoints{node: open(t, change...), rng: rand.New(rand.NewPCG(seed, 0)), points: map[lode.DocID]lode.Point{}, rows: map[lode.DocID]lode.RowID{}}
	s.createSpaced("c")
	return s
}

// put writes points of some numbers with vectors of chance.
func (s *spacedPoints) put(numbers ...int) {
	s.t.Helper()
	for _, i := range numbers {
		p := lode.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: vectorOf(fmt.Sprint(i, s.rng.IntN(1<<30))), Text: fmt.Sprint("text ", i), Metadata: lode.Metadata{"n": lode.IntegerValue(int64(i % 5))}}
		if i%4 == 0 {
			p.Readers = []string{"a"}
		}
		anyNamed(s.rng, &p)
		if errs, err := s.PutPoints(ctx, root, "c", []lode.Point{p}); errors.Join(append(errs, err)...) != nil {
			s.t.Fatal(errs, err)
		}
		s.last++
		s.points[p.ID], s.rows[p.ID] = p, s.last
	}
}

func numbers(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func (s *spacedPoints) drop(numbers ...int) {
	s.t.Helper()
	for _, i := range numbers {
		id := lode.DocID(fmt.Sprint("p", i))
		if errs, err := s.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{id}); errors.Join(append(errs, err)...) != nil {
			s.t.Fatal(errs, err)
		}
		delete(s.points, id)
		delete(s.rows, id)
	}
}

// want is the answer of brute force, by indexes of one row.
func (s *spacedPoints) want(p lode.Principal, f lode.Filter, k int, score func(*lode.Point) []index.Candidate) []lode.Candidate {
	found := []lode.Candidate{}
	for id, point := range s.points {
		if !p.MaySee(point.Readers) || !f.Match(&lode.Document{Metadata: point.Metadata}) {
			continue
		}
		if c := score(&point); len(c) > 0 {
			found = append(found, lode.Candidate{Row: s.rows[id], Score: float64(c[0].Score)})
		}
	}
	slices.SortFunc(found, func(a, b lode.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row))
	})
	return found[:min(k, len(found))]
}

// verify compares searches in every space, under filters and principals, with brute force.
func (s *spacedPoints) verify(step string) {
	s.t.Helper()
	two := lode.IntegerValue(2)
	for _, p := range []lode.Principal{root, {ID: "nobody"}, {ID: "a", Labels: []string{"a"}}} {
		for _, f := range []lode.Filter{{}, lode.WhereEq("n", two), lode.Where("n", lode.Test{Gte: &two})} {
			for _, k := range []int{1, 7, 1000} {
				for _, space := range spaces {
					s.ask(step, space, p, f, k)
				}
			}
		}
	}
	s.check()
	s.verifyRead(step)
}

func (s *spacedPoints) ask(step string, space lode.VectorSpace, p lode.Principal, f lode.Filter, k int) {
	s.t.Helper()
	v := s.view(p, "c")
	var got, want []lode.Candidate
	var err error
	if space.Sparse {
		query := anySparse(s.rng)
		got, err = v.Sparse(ctx, space.Name, query, k, f)
		want = s.want(p, f, k, func(point *lode.Point) []index.Candidate {
			x := sparse.New()
			_, _ = x.Add(point.Sparse[space.Name])
			c, _ := x.Search(ctx, query, 1, nil)
			return c
		})
	} else {
		query := vectorOf(fmt.Sprint(s.rng.IntN(100)))[:space.Dim]
		query[0] += 0.5
		x := lode.Explanation{}
		got, err = v.DenseWith(ctx, query, lode.DenseSearch{K: k, Filter: f, Using: space.Name, Explain: &x})
		want = s.want(p, f, k, func(point *lode.Point) []index.Candidate {
			x := flat.New(space.Dim, cmp.Or(space.Metric, lode.Dot))
			_, _ = x.Add(point.Vectors[space.Name])
			c, _ := x.Search(ctx, query, 1, nil)
			return c
		})
	}
	if err != nil || !slices.Equal(got, want) {
		s.t.Fatalf("%s: space %s, k %d: got %v, want %v (%v)", step, space.Name, k, got, want, err)
	}
	rows, err := v.Rows(ctx, rowIDs(got), true)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range rows {
		if s.rows[rows[i].Document.ID] != got[i].Row {
			s.t.Fatalf("%s: row %d is of %s", step, got[i].Row, rows[i].Document.ID)
		}
		s.sameVectors(step, rows[i].Document.ID, lode.NamedVectors{Dense: rows[i].Vectors, Sparse: rows[i].Sparse})
	}
}

// sameVectors compares with what was written: of unit length under cosine.
func (s *spacedPoints) sameVectors(step string, id lode.DocID, got lode.NamedVectors) {
	s.t.Helper()
	p := s.points[id]
	same := len(got.Dense) == len(p.Vectors) && len(got.Sparse) == len(p.Sparse)
	for name, v := range p.Vectors {
		if name == "unit" {
			v = v.Normalize()
		}
		same = same && slices.Equal(got.Dense[name], v)
	}
	for name, v := range p.Sparse {
		same = same && got.Sparse[name].Equal(v)
	}
	if !same {
		s.t.Fatalf("%s: %s has vectors %+v, want %+v", step, id, got, p.Named())
	}
}

func (s *spacedPoints) verifyRead(step string) {
	s.t.Helper()
	for id := range s.points {
		p, err := s.Point(ctx, root, "c", id)
		if err != nil {
			s.t.Fatal(err)
		}
		s.sameVectors(step, id, p.Named())
	}
}

// TestNamedVectors: answers in every space are those of brute force, through everything that
// happens to a collection, and another node that applies the log has the same state.
func TestNamedVectors(t *testing.T) {
	for name, change := range map[string]func(*collection.Options){
		"exact":  func(*collection.Options) {},
		"graphs": withGraphs(&testGraphs{}),
	} {
		t.Run(name, func(t *testing.T) {
			s := spaced(t, change, func(o *collection.Options) { o.Merge = storage.MergePolicy{Factor: 2, MaxInputs: 2} })
			graphs := func() {
				if _, err := s.BuildGraphs(ctx); err != nil {
					t.Fatal(err)
				}
			}
			step := func(what string, do func()) {
				t.Helper()
				do()
				s.verify(what)
			}
			step("put", func() { s.put(numbers(0, 50)...) })
			step("replaced", func() { s.put(3, 8, 9) })
			step("dropped", func() { s.drop(5, 12, 44) })
			step("restart", func() { s.restart() })
			step("sealed", func() { s.seal("c"); s.flush() })
			step("graphs", graphs)
			step("dropped of a sealed segment", func() { s.drop(1, 2); s.put(6) })
			step("second segment", func() { s.put(numbers(60, 90)...); s.seal("c"); s.flush() })
			step("its graphs", graphs)
			step("restart over graphs", func() { s.restart(); s.put(200, 201) })
			step("merged", func() {
				if n, err := s.MergeDue(ctx); err != nil || n != 1 {
					t.Fatalf("%d merges: %v", n, err)
				}
				s.flush()
			})
			step("its graph", graphs)
			step("crash", func() { s.put(202); s.crash() })
			step("dropped of a merged segment", func() { s.drop(60, 61, 3) })
			other := openBare(t)
			other.Apply(s.log.all())
			if other.hash() != s.hash() {
				t.Error("the log gives another state when it is replayed from its beginning")
			}
			copyBlobs(t, s.node, other)
		})
	}
}

// TestNamedVectorsAreCompacted: numbering rows anew keeps them in step.
func TestNamedVectorsAreCompacted(t *testing.T) {
	s := spaced(t)
	var many []lode.Point
	const rows = 10_400
	for i := range rows {
		p := lode.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: vectorOf(fmt.Sprint(i))}
		if i%50 == 0 {
			anyNamed(s.rng, &p)
		}
		many = append(many, p)
		s.last++
		s.points[p.ID], s.rows[p.ID] = p, s.last
	}
	if errs, err := s.PutPoints(ctx, root, "c", many); errors.Join(append(errs, err)...) != nil {
		t.Fatal(err)
	}
	var ids []lode.DocID
	for i := range 10_100 {
		if i%100 != 0 {
			ids = append(ids, many[i].ID)
		}
	}
	ids = append(ids, many[rows-1-50].ID, many[0].ID)
	for i := 10_101; len(ids) <= 10_002; i++ {
		ids = append(ids, many[i].ID)
	}
	if errs, err := s.DeleteDocuments(ctx, root, "c", lode.KindVector, ids); errors.Join(append(errs, err)...) != nil {
		t.Fatal(errs, err)
	}
	for _, id := range ids {
		delete(s.points, id)
		delete(s.rows, id)
	}
	if use, err := s.Usage(root); err != nil || use[0].Rows > rows/2 {
		t.Fatalf("%+v: nothing was compacted (%v)", use, err)
	}
	s.verify("compacted")
	s.put(7)
	s.verify("compacted and written")
}

// TestNamedVectorsOfEqualPoints: a point with the same vectors is left as it is, one with others
// is another version.
func TestNamedVectorsOfEqualPoints(t *testing.T) {
	s := spaced(t)
	p := lode.Point{ID: "p", Vector: lode.Vector{1, 2, 3, 4}, Vectors: map[string]lode.Vector{"unit": {0, 3, 4}}, Sparse: map[string]lode.SparseVector{"words": {Indices: []uint32{5}, Values: []float32{1}}}}
	f := func(want lode.Version) {
		t.Helper()
		versions, errs, err := s.Engine.PutPoints(ctx, root, lode.Write{}, "c", []lode.Point{p})
		if errors.Join(append(errs, err)...) != nil || versions[0] != want {
			t.Errorf("version %v, want %d (%v, %v)", versions, want, errs, err)
		}
	}
	f(1)
	f(1)
	p.Vectors = map[string]lode.Vector{"unit": {0, 3, 5}}
	f(2)
	p.Sparse = map[string]lode.SparseVector{"words": {Indices: []uint32{5}, Values: []float32{2}}}
	f(3)
	p.Sparse = nil
	f(4)
	p.Vectors = nil
	f(5)
	f(5)
}

// TestBadNamedVectors: what does not fit is refused by field, before the log and, under a key, by
// Apply; its neighbours are written.
func TestBadNamedVectors(t *testing.T) {
	s := spaced(t)
	type d = map[string]lode.Vector
	type w = map[string]lode.SparseVector
	one := lode.SparseVector{Indices: []uint32{1}, Values: []float32{1}}
	for i, c := range []struct {
		field  string
		dense  d
		sparse w
	}{
		{"vectors.title", d{"title": {1}}, nil},
		{"vectors.title", d{"title": {}}, nil},
		{"vectors.title", nil, w{"title": one}},
		{"vectors.words", d{"words": {1, 2}}, nil},
		{"vectors.unit", d{"unit": {0, 0, 0}}, nil},
		{"vectors.none", d{"none": {1}}, nil},
		{"vectors.none", nil, w{"none": one}},
		{"vectors.words.indices", nil, w{"words": {}}},
		{"vectors.words.values", nil, w{"words": {Indices: []uint32{1}, Values: []float32{0}}}},
	} {
		for _, key := range []string{"", fmt.Sprint("key", i)} {
			points := []lode.Point{
				{ID: "bad", Vector: vectorOf("bad"), Vectors: c.dense, Sparse: c.sparse},
				{ID: "good", Vector: vectorOf(fmt.Sprint(i, key)), Sparse: w{"words": one}},
			}
			_, errs, err := s.Engine.PutPoints(ctx, root, lode.Write{Key: key, Request: lode.HashOf([]byte(key))}, "c", points)
			var e *lode.Error
			if err != nil || errs[1] != nil || !errors.As(errs[0], &e) || e.Code != lode.CodeInvalid || e.Field != c.field {
				t.Errorf("key %q: %v, %v, want an error about %s", key, errs, err, c.field)
			}
		}
	}
	wide := make(lode.Vector, lode.MaxDim)
	wide[0] = 1
	many := d{}
	for i := range 7 {
		many[fmt.Sprint("v", i)] = wide
	}
	errs, err := s.PutPoints(ctx, root, "c", []lode.Point{{ID: "large", Vector: vectorOf("x"), Vectors: many}})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, errs[0], lode.CodeTooLarge)
	v := s.view(root, "c")
	for what, ask := range map[string]func() error{
		"unknown": func() error { _, err := v.Sparse(ctx, "none", one, 1, lode.Filter{}); return err },
		"dense":   func() error { _, err := v.Sparse(ctx, "title", one, 1, lode.Filter{}); return err },
		"empty":   func() error { _, err := v.Sparse(ctx, "words", lode.SparseVector{}, 1, lode.Filter{}); return err },
		"k":       func() error { _, err := v.Sparse(ctx, "words", one, 0, lode.Filter{}); return err },
		"unknown too": func() error {
			_, err := v.DenseWith(ctx, lode.Vector{1}, lode.DenseSearch{K: 1, Using: "none"})
			return err
		},
		"sparse": func() error {
			_, err := v.DenseWith(ctx, lode.Vector{1}, lode.DenseSearch{K: 1, Using: "words"})
			return err
		},
		"dimensions": func() error {
			_, err := v.DenseWith(ctx, lode.Vector{1}, lode.DenseSearch{K: 1, Using: "title"})
			return err
		},
		"no direction": func() error {
			_, err := v.DenseWith(ctx, lode.Vector{0, 0, 0}, lode.DenseSearch{K: 1, Using: "unit"})
			return err
		},
	} {
		if err := ask(); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestNamedVectorsOfChunks: chunks of documents may have them too.
func TestNamedVectorsOfChunks(t *testing.T) {
	n := open(t, withGraphs(&testGraphs{}))
	n.createSpaced("c")
	for _, id := range []lode.DocID{"d0", "d1"} {
		text := string(id) + " one\ntwo\nthree"
		r := n.submit(n.accepted("c", id, text))
		j := n.job("c", r)
		silver, chunks := refine(j, text)
		named := lode.NamedVectors{Dense: map[string]lode.Vector{"unit": {3, 0, 4}}, Sparse: map[string]lode.SparseVector{"words": {Indices: []uint32{9}, Values: []float32{2}}}}
		chunks[1].Vectors, chunks[1].Sparse = named.Pack()
		bad := chunks[2]
		bad.Vectors = map[string][]byte{"title": {1}}
		if err := n.StageChunks(ctx, j, []lode.StagedChunk{bad}); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "vectors.title") {
			t.Errorf("a vector of one byte: %v", err)
		}
		data, err := storage.EncodeSilver(silver)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := n.StageSilver(ctx, j, data)
		if err := errors.Join(err, n.StageChunks(ctx, j, chunks), n.Complete(ctx, n.completion(j, text, parts))); err != nil {
			t.Fatal(err)
		}
	}
	look := func(when string) {
		t.Helper()
		v := n.view(root, "c")
		dense, err := v.DenseWith(ctx, lode.Vector{6, 0, 8}, lode.DenseSearch{K: 9, Using: "unit"})
		if want := []lode.Candidate{{Row: 2, Score: 1}, {Row: 5, Score: 1}}; err != nil || !slices.Equal(dense, want) {
			t.Errorf("%s: %v, want %v (%v)", when, dense, want, err)
		}
		found, err := v.Sparse(ctx, "words", lode.SparseVector{Indices: []uint32{1, 9}, Values: []float32{1, 3}}, 9, lode.Filter{})
		if want := []lode.Candidate{{Row: 2, Score: 6}, {Row: 5, Score: 6}}; err != nil || !slices.Equal(found, want) {
			t.Errorf("%s: %v, want %v (%v)", when, found, want, err)
		}
		row, err := n.Chunk(ctx, root, "c", lode.ChunkID{Doc: 1, Version: 1, Ordinal: 1}, time.Time{})
		if err != nil || !slices.Equal(row.Vectors["unit"], lode.Vector{0.6, 0, 0.8}) || row.Sparse["words"].Len() != 1 {
			t.Errorf("%s: %+v (%v)", when, row, err)
		}
		n.check()
	}
	look("ingested")
	n.restart()
	look("restarted")
	n.seal("c")
	n.flush()
	look("sealed")
	if _, err := n.BuildGraphs(ctx); err != nil {
		t.Fatal(err)
	}
	look("graphed")
	n.restart()
	look("restarted over graphs")
}

// TestOldViewOfSparseVectors: a view answers from its moment, whatever was dropped since.
func TestOldViewOfSparseVectors(t *testing.T) {
	s := spaced(t)
	s.put(numbers(0, 20)...)
	v := s.view(root, "c")
	query := anySparse(s.rng)
	before, err := v.Sparse(ctx, "words", query, 100, lode.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	s.drop(numbers(0, 10)...)
	s.put(numbers(20, 30)...)
	after, err := v.Sparse(ctx, "words", query, 100, lode.Filter{})
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("%v, want %v (%v)", after, before, err)
	}
}

// TestNamedSpacesWhileWriting: searches in every space beside a writer see each point in one
// version or not at all.
func TestNamedSpacesWhileWriting(t *testing.T) {
	n := open(t)
	n.createSpaced("c")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				v, err := n.View(ctx, root, "c")
				if err != nil {
					t.Error(err)
					return
				}
				dense, err := v.DenseWith(ctx, lode.Vector{1, 1, 1}, lode.DenseSearch{K: 1000, Using: "title"})
				if err != nil {
					t.Error(err)
					return
				}
				words, err := v.Sparse(ctx, "words", lode.SparseVector{Indices: []uint32{1}, Values: []float32{1}}, 1000, lode.Filter{})
				if err != nil || len(words) != len(dense) {
					t.Errorf("one view has %d rows in one space and %d in another (%v)", len(dense), len(words), err)
					return
				}
			}
		})
	}
	for i := range 400 {
		id := lode.DocID(fmt.Sprint("p", i%20))
		p := lode.Point{ID: id, Vector: vectorOf(fmt.Sprint(i)), Vectors: map[string]lode.Vector{"title": {1, 2, float32(i)}}, Sparse: map[string]lode.SparseVector{"words": {Indices: []uint32{1, 2}, Values: []float32{float32(i + 1), 1}}}}
		if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); errors.Join(append(errs, err)...) != nil {
			t.Fatal(errs, err)
		}
		if i%7 == 0 {
			if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{id}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 200 {
			n.seal("c")
		}
	}
	close(stop)
	readers.Wait()
}
