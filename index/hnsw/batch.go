package hnsw

import (
	"context"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// SearchBatch runs a search for every query, on up to threads goroutines (0 for one each
// CPU), and returns the answers in the order of the queries. The first error ends all.
// SearchOptions.Stats receives the sums over all queries; what is no count is that of one of them.
func (x *Index) SearchBatch(ctx context.Context, queries []lode.Vector, o SearchOptions, threads int) ([][]index.Candidate, error) {
	if threads == 0 {
		threads = x.o.Threads
	}
	return searchBatch(ctx, queries, o, threads, x.SearchWith)
}

type searchFunc = func(context.Context, lode.Vector, SearchOptions) ([]index.Candidate, error)

func searchBatch(ctx context.Context, queries []lode.Vector, o SearchOptions, threads int, search searchFunc) ([][]index.Candidate, error) {
	answers := make([][]index.Candidate, len(queries))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var first error
	total := o.Stats
	parallel(len(queries), threads, func(next func() int) {
		var sum, one Stats
		o := o
		if total != nil {
			o.Stats = &one
		}
		for i := next(); i >= 0; i = next() {
			answer, err := search(ctx, queries[i], o)
			if err != nil {
				mu.Lock()
				if first == nil {
					first = lode.Errorf(lode.CodeOf(err), "search for query %d of %d: %w", i, len(queries), err)
				}
				mu.Unlock()
				stop()
				return
			}
			answers[i] = answer
			sum.add(one)
		}
		if total != nil {
			mu.Lock()
			total.add(sum)
			mu.Unlock()
		}
	})
	if first != nil {
		return nil, first
	}
	return answers, nil
}
