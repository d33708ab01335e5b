package collection

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// others are the vectors of a row in named spaces, by place of the space among those of the
// collection. A row without any has no lists, and no vector where it lacks one.
type others struct {
	dense  []lode.Vector
	sparse []lode.SparseVector
}

func (o *others) denseAt(at int) lode.Vector {
	if o.dense == nil {
		return nil
	}
	return o.dense[at]
}

func (o *others) sparseAt(at int) lode.SparseVector {
	if o.sparse == nil {
		return lode.SparseVector{}
	}
	return o.sparse[at]
}

// parseOthers reads the named vectors of a write and checks that they fit the collection. Under
// cosine dense ones become of unit length, as in [parseVector]; stored are the dense ones in the
// form in which they are stored.
func parseOthers(settings *lode.Collection, dense, sparse map[string][]byte) (o others, stored map[string][]byte, refusal *lode.Error) {
	if len(dense)+len(sparse) == 0 {
		return o, nil, nil
	}
	n, err := lode.UnpackVectors(dense, sparse)
	if err == nil {
		err = n.ValidateFor(settings)
	}
	if err != nil {
		return o, nil, coded(err)
	}
	stored = maps.Clone(dense)
	for name, v := range n.Dense {
		at, _ := settings.Space(name)
		if unit := v.Normalize(); settings.Vectors[at].Metric == lode.Cosine && &unit[0] != &v[0] {
			n.Dense[name], stored[name] = unit, lode.AppendVector(nil, unit)
		}
	}
	return placeOthers(settings.Vectors, n), stored, nil
}

// placeOthers orders vectors that fit the spaces.
func placeOthers(spaces []lode.VectorSpace, n lode.NamedVectors) others {
	o := others{dense: make([]lode.Vector, len(spaces)), sparse: make([]lode.SparseVector, len(spaces))}
	for i, s := range spaces {
		o.dense[i], o.sparse[i] = n.Dense[s.Name], n.Sparse[s.Name]
	}
	return o
}

// othersOf reads the named vectors of a stored row.
func othersOf(spaces []lode.VectorSpace, staged *lode.StagedChunk) (others, error) {
	if len(staged.Vectors)+len(staged.Sparse) == 0 {
		return others{}, nil
	}
	n, err := staged.Named()
	if err != nil {
		return others{}, fmt.Errorf("named vectors of chunk %s: %w", staged.Chunk.ID, err)
	}
	return placeOthers(spaces, n), nil
}

// addOthers adds the named vectors of the next row, of a collection that has named spaces.
func (v *version) addOthers(spaces []lode.VectorSpace, staged *lode.StagedChunk) error {
	if len(spaces) == 0 {
		return nil
	}
	o, err := othersOf(spaces, staged)
	v.others = append(v.others, o)
	return err
}

// space is the vectors that rows of a part have in one dense space. Its rows have ordinals of
// their own, in the same order as those of the part.
type space struct {
	flat  index.Dense // nil for a graph
	graph *spaceGraph // over a sealed segment that has a graph itself, when it is built
	rows  []uint32    // of the part, ascending
}

// spaceView is a space as a snapshot holds it; it never changes. One without rows has no vectors.
type spaceView struct {
	vectors vectors
	graph   *spaceGraph
	rows    []uint32
}

func (s *space) view() spaceView {
	v := spaceView{vectors: s.flat, graph: s.graph, rows: slices.Clip(s.rows)}
	if s.graph != nil {
		v.vectors = s.graph
	}
	return v
}

// addOthers appends the dense vectors that a row of the part has in named spaces.
func (s *segment) addOthers(p *part, row uint32, o *others) error {
	for i := range s.spaces {
		v := o.denseAt(i)
		if v == nil {
			continue
		}
		if p.spaces == nil {
			p.spaces = make([]*space, len(s.spaces))
		}
		if p.spaces[i] == nil {
			p.spaces[i] = &space{flat: s.dense(s.spaces[i])}
		}
		if err := p.spaces[i].add(v, row); err != nil {
			return fmt.Errorf("vector space %q: %w", s.spaces[i].Name, err)
		}
	}
	return nil
}

func (s *space) add(v lode.Vector, row uint32) error {
	at, err := s.flat.Add(v)
	if err == nil && int(at) != len(s.rows) {
		err = fmt.Errorf("it is row %d of its space, want %d", at, len(s.rows))
	}
	s.rows = append(s.rows, row)
	return err
}

// compactSpaces follows a part that grows, of which only the live rows are kept. It has no graphs.
func (p *part) compactSpaces() {
	if p.spaces == nil {
		return
	}
	to := make([]uint32, len(p.rows)) // where live rows go
	next := uint32(0)
	p.live.Each(func(row uint32) bool {
		to[row] = next
		next++
		return true
	})
	for i, s := range p.spaces {
		if s == nil {
			continue
		}
		keep := index.NewBitset(len(s.rows))
		var rows []uint32
		for at, row := range s.rows {
			if p.live.Has(row) {
				keep.Set(uint32(at))
				rows = append(rows, to[row])
			}
		}
		p.spaces[i] = &space{flat: s.flat.Compact(keep), rows: rows}
	}
}

func (p *part) spaceViews() []spaceView {
	if p.spaces == nil {
		return nil
	}
	views := make([]spaceView, len(p.spaces))
	for i, s := range p.spaces {
		if s != nil {
			views[i] = s.view()
		}
	}
	return views
}

// space returns what the part has in a space, nil where no row has a vector there.
func (p *partView) space(at int) *spaceView {
	if at >= len(p.spaces) || p.spaces[at].vectors == nil {
		return nil
	}
	return &p.spaces[at]
}

// whole reports whether every row of the part up to its last has its own number.
func (s *spaceView) whole() bool {
	n := len(s.rows)
	return n == 0 || int(s.rows[n-1]) == n-1
}

// spaceKey is what a memo knows the rows of a space by that some rows of the part leave.
type spaceKey struct {
	at    int
	allow *index.Bitset
}

// allowIn gives allowed rows of the part the numbers that they have in a space.
func (p *partView) allowIn(at int, allow *index.Bitset) *index.Bitset {
	s := &p.spaces[at]
	if s.whole() {
		return allow
	}
	narrow := func() *index.Bitset {
		out := index.NewBitset(len(s.rows))
		for i, row := range s.rows {
			if allow.Has(row) {
				out.Set(uint32(i))
			}
		}
		return out
	}
	if allow != p.live && !p.memo.holds(allow) {
		return narrow() // it will not be asked for again
	}
	return p.memo.get(spaceKey{at, allow}, narrow)
}

// searchSpace is [snapshot.searchWith] in a dense space.
func (s *snapshot) searchSpace(ctx context.Context, at int, query lode.Vector, q *lode.DenseSearch, each []*index.Bitset) ([]index.Candidate, error) {
	best := index.NewTopK(q.K)
	for i := range s.parts {
		p := &s.parts[i]
		in := p.space(at)
		if in == nil {
			continue
		}
		found, err := p.searchIn(ctx, at, query, q, each[i])
		if err != nil {
			return nil, fmt.Errorf("search space %q of segment %d: %w", s.settings.Vectors[at].Name, p.segment, err)
		}
		for _, c := range found {
			best.Offer(index.Candidate{Ordinal: p.rows[in.rows[c.Ordinal]] - 1, Score: c.Score})
		}
	}
	return best.Sorted(), nil
}

// searchIn finds the nearest rows of a part in a space that it has.
func (p *partView) searchIn(ctx context.Context, at int, query lode.Vector, q *lode.DenseSearch, allow *index.Bitset) ([]index.Candidate, error) {
	in := &p.spaces[at]
	if allow == p.live && p.full {
		allow = nil
	} else {
		allow = p.allowIn(at, allow)
	}
	var x *lode.SegmentExplanation
	if q.Explain != nil {
		q.Explain.Segments = append(q.Explain.Segments, lode.SegmentExplanation{Segment: p.segment, Rows: len(in.rows), Allowed: len(in.rows), Graph: in.graph != nil, Plan: "exact"})
		x = &q.Explain.Segments[len(q.Explain.Segments)-1]
		if allow != nil {
			x.Allowed = allow.Count()
		}
		start := time.Now()
		defer func() { x.Nanos = time.Since(start).Nanoseconds() }()
	}
	if in.graph != nil {
		return in.graph.search(ctx, query, GraphSearch{K: q.K, Allow: allow, Ef: q.Ef, Exact: q.Exact, Explain: x})
	}
	if x != nil {
		x.Compared = x.Allowed
	}
	return in.vectors.Search(ctx, query, q.K, allow)
}

// vectorIn returns the vector of a row in a dense space as it is compared; nil where it has none.
func (s *snapshot) vectorIn(at int, segment lode.SegmentID, ordinal uint32) lode.Vector {
	_, p := s.partOf(segment)
	if p == nil || p.space(at) == nil {
		return nil
	}
	row, ok := p.find(ordinal)
	if !ok || !p.live.Has(row) {
		return nil
	}
	in := p.space(at)
	if i, ok := slices.BinarySearch(in.rows, row); ok {
		return in.vectors.Vector(uint32(i))
	}
	return nil
}
