package collection

import (
	"context"
	"runtime"
	"sort"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// earlyBeside is how many rows outside of graphs a start reads at once, so that a large
// collection is answered for before it is loaded. With more of them it is not.
const earlyBeside = 10_000

// earlyRows are the rows of a collection at the moment of a start, as far as questions by
// vectors alone need them. They never change.
type earlyRows struct {
	at    storage.Applied
	parts []earlyPart
	dead  bool // some rows of the parts may belong to versions that are gone, or kept for a history
}

// earlyPart is a part whose rows lead to versions in storage, not to rows of the collection.
type earlyPart struct {
	partView
	versionOf func(row int) (v storage.SealedVersion, ok bool)
}

// earlyRows opens what can be searched before the collection is loaded; nil where that would
// not be all of it.
func (l *loader) earlyRows() (*earlyRows, error) {
	rows, beside := &earlyRows{at: l.tx.At(), dead: l.c.settings.Tuning.HistoryFrom != nil}, int64(0)
	for i := range l.segments {
		s := &l.segments[i]
		if g := l.files.graphs[s.ID]; g != nil {
			rows.add(s, g, g, g.rows.VersionOf)
		} else if isShown(s) {
			beside += max(s.Rows, s.FileRows)
		}
	}
	if beside > earlyBeside {
		return nil, nil
	}
	for i := range l.segments {
		s := &l.segments[i]
		if l.files.graphs[s.ID] != nil || !isShown(s) {
			continue
		}
		read := l.readGrown
		if s.State == storage.SegmentSealed {
			read = l.readSealed
		}
		if err := read(rows, s); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// isShown reports whether searches see rows of the segment as its own.
func isShown(s *storage.Segment) bool { return s.Rows > 0 && s.State != storage.SegmentMerging }

func (r *earlyRows) add(s *storage.Segment, x vectors, g *graphPart, versionOf func(int) (storage.SealedVersion, bool)) {
	r.dead = r.dead || s.State == storage.SegmentSealed && s.Rows < s.FileRows
	r.parts = append(r.parts, earlyPart{partView{segment: s.ID, vectors: x, graph: g, full: true}, versionOf})
}

// readSealed reads the vectors of a sealed segment that has no graph.
func (l *loader) readSealed(into *earlyRows, s *storage.Segment) error {
	rows, err := l.tx.MapSealed(l.c.settings.ID, s.ID)
	if err != nil {
		return err
	}
	x, err := l.c.segment.exact(l.ctx, rows)
	if err == nil {
		into.add(s, x, nil, rows.VersionOf)
	}
	return err
}

// readGrown reads the vectors of a segment that is no file yet.
func (l *loader) readGrown(into *earlyRows, s *storage.Segment) error {
	all, err := l.tx.Grown(l.c.settings.ID, s.ID)
	if err != nil {
		return err
	}
	x := l.c.segment.flat()
	placed := make([]storage.SealedVersion, len(all))
	for i := range all {
		v := &all[i]
		placed[i] = storage.SealedVersion{Doc: v.Doc, Version: v.Version, SealedRun: storage.SealedRun{First: v.FirstRow, At: x.Len(), Rows: v.Chunks}}
		err := l.tx.Chunks(l.c.settings.ID, v, func(staged *lode.StagedChunk) error {
			vector, err := lode.ParseVector(staged.Vector)
			if err == nil {
				_, err = x.Add(vector)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	into.add(s, x, nil, func(row int) (v storage.SealedVersion, ok bool) {
		i := sort.Search(len(placed), func(i int) bool { return placed[i].At > row }) - 1
		if i < 0 {
			return v, false
		}
		return placed[i], row < placed[i].At+placed[i].Rows
	})
	return nil
}

// earlyHit is a row that was found, and the version that it was of.
type earlyHit struct {
	row     lode.RowID
	score   float32
	version storage.SealedVersion
}

// search returns the q.K nearest rows of all parts, best first, equal scores by ascending row.
func (r *earlyRows) search(ctx context.Context, vector lode.Vector, q *lode.DenseSearch) ([]earlyHit, error) {
	var hits []earlyHit
	for i := range r.parts {
		p := &r.parts[i]
		found, err := p.search(ctx, vector, q, nil)
		if err != nil {
			return nil, p.failed(err)
		}
		for _, c := range found {
			v, ok := p.versionOf(int(c.Ordinal))
			if !ok {
				return nil, lode.Errorf(lode.CodeCorrupt, "row %d of segment %d belongs to no version", c.Ordinal, p.segment)
			}
			hits = append(hits, earlyHit{v.First + lode.RowID(int(c.Ordinal)-v.At), c.Score, v})
		}
	}
	sort.Slice(hits, func(i, j int) bool {
		a, b := &hits[i], &hits[j]
		return a.score > b.score || a.score == b.score && a.row < b.row
	})
	return hits[:min(q.K, len(hits))], nil
}

// exact reads the rows of a sealed file into an exact index.
func (s *segment) exact(ctx context.Context, rows *storage.SealedRows) (index.Dense, error) {
	defer runtime.KeepAlive(rows)
	if err := verifyRows(ctx, rows); err != nil {
		return nil, err
	}
	x, stride := s.flat(), 4*rows.Dim
	for at := range rows.Rows {
		v, err := lode.ParseVector(rows.Vectors()[at*stride : (at+1)*stride])
		if err == nil {
			_, err = x.Add(v)
		}
		if err != nil {
			return nil, lode.Errorf(lode.CodeCorrupt, "vector %d of a sealed segment: %w", at, err)
		}
	}
	return x, nil
}
