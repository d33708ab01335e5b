package collection

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/payload"
	"github.com/lodedb/lode/storage"
)

// vectors are an index of vectors as searches use it: exact while a segment grows, a graph
// over the segment's file once that is sealed and the graph is built.
type vectors interface {
	Len() int
	Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error)
	Vector(ordinal uint32) lode.Vector
	Bytes() int64
}

// part is the vectors and words of one segment of storage. Its rows have ordinals of their own, in
// the same order as those of the collection.
type part struct {
	segment lode.SegmentID
	vectors vectors
	flat    index.Dense // the same while it can grow, nil for a graph
	graph   *graphPart
	// rows leads from a row to the collection's ordinal, plus 1. A row that is none of the
	// collection's has what the row before has, 0 at the front: rows ascend.
	rows    []uint32
	aligned bool // row i is the collection's rows[0]-1+i, for all rows
	live    *index.Bitset
	alive   int  // live rows
	held    bool // live is held by a published snapshot
	columns columns
	words   partWords
	spaces  []*space // by place of the space; nil where no row has a vector
	memo    *memo    // of the rows as they are, nil until the next publication
}

// partView is a part as a snapshot holds it; it never changes.
type partView struct {
	segment lode.SegmentID
	vectors vectors
	graph   *graphPart
	rows    []uint32
	aligned bool
	live    *index.Bitset
	full    bool // every row of the graph is live; what grows has rows that came later
	blocks  []*payload.Block
	words   wordsView
	spaces  []spaceView // by place of the space; none where no row has a vector in any
	memo    *memo
}

// part returns the part that has the rows of a segment, nil where there is none.
func (s *segment) part(id lode.SegmentID) *part {
	id = s.home(id)
	for i := len(s.parts) - 1; i >= 0; i-- { // most changes are of the newest
		if s.parts[i].segment == id {
			return s.parts[i]
		}
	}
	return nil
}

// growing returns the part of a segment that takes rows, made when there is none.
func (s *segment) growing(id lode.SegmentID) *part {
	if p := s.part(id); p != nil {
		return p
	}
	x := s.flat()
	p := &part{segment: s.home(id), vectors: x, flat: x, aligned: true, live: index.NewBitset(0)}
	s.parts = append(s.parts, p)
	return p
}

// add appends a row that has an ordinal of the collection.
func (p *part) add(v lode.Vector, ordinal uint32) error {
	if p.flat == nil {
		return fmt.Errorf("segment %d is sealed", p.segment)
	}
	at, err := p.flat.Add(v)
	if err != nil {
		return err
	}
	if int(at) != len(p.rows) {
		return fmt.Errorf("it is row %d of its segment, want %d", at, len(p.rows))
	}
	p.rows = append(p.rows, ordinal+1)
	p.aligned = p.aligned && ordinal+1 == p.rows[0]+at
	p.own().Set(at)
	p.alive++
	return nil
}

// own returns the live rows to change.
func (p *part) own() *index.Bitset {
	p.memo = nil
	if p.held {
		p.live, p.held = p.live.Clone(), false
	}
	return p.live
}

// find returns the row that has an ordinal of the collection.
func (p *partView) find(ordinal uint32) (row uint32, ok bool) { return findRow(p.rows, ordinal) }

func findRow(rows []uint32, ordinal uint32) (row uint32, ok bool) {
	i, ok := slices.BinarySearch(rows, ordinal+1)
	return uint32(i), ok
}

// hide takes rows, consecutive in the collection and so here, out of the search.
func (p *part) hide(ordinal, n uint32) {
	row, ok := findRow(p.rows, ordinal)
	if !ok {
		return
	}
	live := p.own()
	for i := range n {
		live.Clear(row + i)
	}
	p.alive -= int(n)
}

// compact follows a renumbering of the collection's live rows.
func (p *part) compact(moved []uint32) {
	rows := make([]uint32, 0, len(p.rows))
	last := uint32(0)
	for row, ordinal := range p.rows {
		switch {
		case p.live.Has(uint32(row)):
			last = moved[ordinal-1] + 1
			rows = append(rows, last)
		case p.flat == nil:
			rows = append(rows, last) // a file is not compacted
		}
	}
	if p.flat != nil {
		p.compactSpaces()
		p.flat = p.flat.Compact(p.live)
		p.vectors = p.flat
		p.live, p.held = index.NewBitset(len(rows)), false
		p.live.SetAll()
	}
	p.rows, p.aligned, p.memo = rows, isAligned(rows), nil
}

// isAligned reports whether rows follow each other without a gap, in part and collection.
func isAligned(rows []uint32) bool {
	for i, row := range rows {
		if row == 0 || row != rows[0]+uint32(i) {
			return false
		}
	}
	return true
}

// views are the parts as a snapshot holds them. A part of which nothing is left goes.
func (s *segment) views() ([]partView, error) {
	s.parts = slices.DeleteFunc(s.parts, func(p *part) bool { return p.alive == 0 })
	views := make([]partView, 0, len(s.parts))
	for _, p := range s.parts {
		changed, err := p.columns.settle()
		if err != nil {
			return nil, fmt.Errorf("segment %d: %w", p.segment, err)
		}
		if p.memo == nil || changed {
			p.memo = new(memo)
		}
		p.held, p.columns.held = true, true
		views = append(views, partView{
			segment: p.segment, vectors: p.vectors, graph: p.graph, rows: slices.Clip(p.rows), aligned: p.aligned,
			live: p.live, full: p.graph != nil && p.alive == len(p.rows), blocks: p.columns.blocks,
			words: p.wordsView(), spaces: p.spaceViews(), memo: p.memo,
		})
		if views[len(views)-1].words.part == nil {
			return nil, fmt.Errorf("segment %d has no words", p.segment)
		}
	}
	return views, nil
}

// fileRows are the rows of a sealed file as a collection knows them.
type fileRows struct {
	rows []uint32 // as those of a part
	live *index.Bitset
}

// placeRows finds the rows of a sealed file among those of a collection, by ordinal, and calls each
// with every document that is shown and the row of the file that it begins with. Rows that the
// collection does not show stay out.
func placeRows(of *storage.SealedRows, among []rowRef, docs *table, each func(e *entry, at int)) fileRows {
	in := fileRows{make([]uint32, of.Rows), index.NewBitset(of.Rows)}
	last := uint32(0)
	next := 0 // where the rows of the next run mostly are
	for _, run := range of.Runs() {
		first := next
		if next >= len(among) || among[next].id != run.First {
			first = sort.Search(len(among), func(i int) bool { return among[i].id >= run.First })
		}
		next = first + run.Rows
		for i := range run.Rows {
			at := first + i
			if at < len(among) && among[at].id == run.First+lode.RowID(i) {
				last = uint32(at) + 1
				if e := docs.at(among[at].slot); e != nil {
					in.live.Set(uint32(run.At + i))
					if e.ordinal == uint32(at) {
						each(e, run.At+i)
					}
				}
			}
			in.rows[run.At+i] = last
		}
	}
	return in
}

// fileIndexes are indexes over the file of a sealed segment.
type fileIndexes struct {
	segment lode.SegmentID
	rows    *storage.SealedRows
	graph   *graphPart  // of the vectors
	flat    index.Dense // the same where there is no graph
	spaces  []*space
	words   *wordsFile // nil: the part has some
}

// adopt makes indexes over a sealed file the part of its segment, in the place of those parts that
// were merged into it.
func (s *segment) adopt(of *fileIndexes) error {
	var filled columns
	from := map[lode.SegmentID]bool{} // what entries call the segment
	in := placeRows(of.rows, s.rows, &s.docs.table, func(e *entry, at int) {
		filled.add(e, at)
		from[e.segment] = true
	})
	if of.words != nil {
		if err := of.words.asWords().removeDead(in.live); err != nil {
			return err
		}
	}
	if err := s.replace(from, of.segment, in.live.Count()); err != nil {
		return err
	}
	p := s.part(of.segment)
	if p == nil {
		p = &part{segment: of.segment}
		s.parts = append(s.parts, p)
	}
	if p.words = p.words.apart(p.rows); of.words != nil {
		p.words = of.words.asWords()
		p.words.rows = in.rows
	}
	if p.vectors, p.flat, p.graph = of.flat, of.flat, of.graph; of.graph != nil {
		p.vectors = of.graph
	}
	p.rows, p.live, p.alive, p.held = in.rows, in.live, in.live.Count(), false
	p.aligned, p.columns, p.spaces, p.memo = isAligned(in.rows), filled, of.spaces, nil
	p.words = p.words.together(p.rows)
	return nil
}

// replace makes one part the home of segments and takes the parts away that had their rows,
// which must be as many as are live in the one.
func (s *segment) replace(segments map[lode.SegmentID]bool, by lode.SegmentID, live int) error {
	had, alive := map[*part]bool{}, 0
	for id := range segments {
		if p := s.part(id); p != nil && !had[p] && len(p.rows) > 0 { // else a start has nothing but its words yet
			had[p] = true
			alive += p.alive
		}
	}
	if len(had) > 0 && alive != live { // none at a start
		return fmt.Errorf("segment %d has %d live rows, those that it replaces %d", by, live, alive)
	}
	for id := range segments {
		s.move(id, by)
	}
	s.parts = slices.DeleteFunc(s.parts, func(p *part) bool { return had[p] && p.segment != by })
	return nil
}

// search returns the min(k, matching) nearest rows of all parts, by the collection's ordinals.
// each are the rows that may be found, for every part.
func (s *snapshot) search(ctx context.Context, query lode.Vector, k int, each []*index.Bitset) ([]index.Candidate, error) {
	return s.searchWith(ctx, query, &lode.DenseSearch{K: k}, each)
}

func (s *snapshot) searchWith(ctx context.Context, query lode.Vector, q *lode.DenseSearch, each []*index.Bitset) ([]index.Candidate, error) {
	best := index.NewTopK(q.K)
	for i := range s.parts {
		p := &s.parts[i]
		found, err := p.search(ctx, query, q, each[i])
		if err != nil {
			return nil, p.failed(err)
		}
		for _, c := range found {
			best.Offer(index.Candidate{Ordinal: p.rows[c.Ordinal] - 1, Score: c.Score})
		}
	}
	return best.Sorted(), nil
}

// search finds the nearest rows of a part.
func (p *partView) search(ctx context.Context, query lode.Vector, q *lode.DenseSearch, allow *index.Bitset) ([]index.Candidate, error) {
	if allow == p.live && p.full {
		allow = nil
	}
	var x *lode.SegmentExplanation
	if q.Explain != nil {
		q.Explain.Segments = append(q.Explain.Segments, lode.SegmentExplanation{Segment: p.segment, Rows: len(p.rows), Allowed: len(p.rows), Graph: p.graph != nil, Plan: "exact"})
		x = &q.Explain.Segments[len(q.Explain.Segments)-1]
		if allow != nil {
			x.Allowed = allow.Count()
		}
		start := time.Now()
		defer func() { x.Nanos = time.Since(start).Nanoseconds() }()
	}
	if p.graph != nil {
		return p.graph.search(ctx, query, GraphSearch{K: q.K, Allow: allow, Ef: q.Ef, Exact: q.Exact, Explain: x})
	}
	if x != nil {
		x.Compared = x.Allowed
	}
	return p.vectors.Search(ctx, query, q.K, allow)
}

// failed notes a graph that cannot be read: it is left for the exact index, and built anew.
func (p *partView) failed(err error) error {
	if p.graph == nil || !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	p.graph.damaged.Store(true)
	return fmt.Errorf("search segment %d: %w", p.segment, err)
}

// vector returns the vector of a row as it is compared; nil where its part lacks it.
func (s *snapshot) vector(segment lode.SegmentID, ordinal uint32) lode.Vector {
	_, p := s.partOf(segment)
	if p == nil {
		return nil
	}
	if row, ok := p.find(ordinal); ok && p.live.Has(row) {
		return p.vectors.Vector(row)
	}
	return nil
}

// partOf returns the part that has the rows of a segment, nil where there is none.
func (s *snapshot) partOf(segment lode.SegmentID) (int, *partView) {
	if at, moved := s.homes[segment]; moved {
		segment = at
	}
	for i := range s.parts {
		if s.parts[i].segment == segment {
			return i, &s.parts[i]
		}
	}
	return 0, nil
}
