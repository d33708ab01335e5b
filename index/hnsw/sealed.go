package hnsw

import (
	"context"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Options returns what the index was made with, as far as the sealed form keeps it.
func (x *Sealed) Options() Options { return x.o }

// Dim is the number of dimensions.
func (x *Sealed) Dim() int { return x.o.Dim }

// Metric is what scores mean.
func (x *Sealed) Metric() lode.Metric { return x.o.Metric }

// Len is the number of rows, deleted ones included.
func (x *Sealed) Len() int { return x.head.rows }

// Deleted is the number of rows that were deleted when the form was written.
func (x *Sealed) Deleted() int { return x.gone }

// Bytes is the size of the sealed form.
func (x *Sealed) Bytes() int64 { return int64(len(x.data)) }

// MeanLinks is how many links a row has at level 0, on average; 0 without rows.
func (x *Sealed) MeanLinks() float64 {
	links := 0
	for place := range uint32(x.head.rows) {
		for _, to := range x.view.row(0, place) {
			if to == place {
				break
			}
			links++
		}
	}
	return float64(links) / float64(max(x.head.rows, 1))
}

// Vector returns a copy of a row as it is compared, nil where there is no such row or its
// memory cannot be read.
func (x *Sealed) Vector(ordinal uint32) (v lode.Vector) {
	if int(ordinal) >= x.head.rows {
		return nil
	}
	defer runtime.KeepAlive(x.memory)
	if distance.Guard(func() { v = append(lode.Vector(nil), x.view.vector(ordinal)...) }) != nil {
		return nil
	}
	return v
}

// Close returns memory of its own, which [Index.Freeze] gave it, at once. No other call may
// run meanwhile. The index is empty afterwards. Close may be called twice, and need not be
// called; whose memory it searches else is not its business.
func (x *Sealed) Close() error {
	x.head = &head{dim: x.head.dim, metric: x.head.metric}
	x.view, x.data, x.deleted, x.oversized, x.gone = view{}, nil, nil, nil, 0
	if x.memory != nil {
		x.memory.release()
	}
	return nil
}

// Search is as [Index.Search].
func (x *Sealed) Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	return x.SearchWith(ctx, query, SearchOptions{K: k, Allow: allow})
}

// SearchWith is as [Index.SearchWith].
func (x *Sealed) SearchWith(ctx context.Context, query lode.Vector, o SearchOptions) (found []index.Candidate, err error) {
	defer runtime.KeepAlive(x.memory)
	if fault := distance.Guard(func() { found, err = searchWith(ctx, x, query, o) }); fault != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "search sealed hnsw index: %w", fault)
	}
	return found, err
}

// SearchBatch is as [Index.SearchBatch].
func (x *Sealed) SearchBatch(ctx context.Context, queries []lode.Vector, o SearchOptions, threads int) ([][]index.Candidate, error) {
	if threads == 0 {
		threads = x.o.Threads
	}
	return searchBatch(ctx, queries, o, threads, x.SearchWith)
}

func (x *Sealed) planner() *Planner    { return &x.plans }
func (x *Sealed) borrow() *searcher    { return x.searchers.Get().(*searcher) }
func (x *Sealed) giveBack(s *searcher) { x.searchers.Put(s) }

func (x *Sealed) snapshot(allow *index.Bitset) snapshot {
	return snapshot{entry: x.head.entry, filter: filter{
		view: &x.view, rows: uint32(x.head.rows), allow: allow,
		deleted: x.deleted, oversized: x.oversized, extent: x.head.extent,
	}}
}

// Radius is as [Index.Radius].
func (x *Sealed) Radius(ctx context.Context, query lode.Vector, o RadiusOptions) (found []index.Candidate, err error) {
	defer runtime.KeepAlive(x.memory)
	if fault := distance.Guard(func() { found, err = radius(ctx, x, query, o) }); fault != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "search sealed hnsw index: %w", fault)
	}
	return found, err
}
