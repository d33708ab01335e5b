package flat

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

const (
	stripeRows  = 4096    // rows between two looks at the context, at most
	stripeBytes = 2 << 20 // and bytes, at most
	helperBytes = 4 << 20 // a helper goroutine is worth its start for this much reading
)

// Search compares the query with every allowed row.
func (x *Index) Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	if err := index.CheckK(k); err != nil {
		return nil, err
	}
	if err := query.ValidateFor(x.dim, x.metric); err != nil {
		return nil, err
	}
	if x.metric == lode.Cosine {
		query = query.Normalize()
	}
	rows := x.Len() // before the blocks; see Index
	if allow != nil {
		rows = min(rows, allow.Len())
	}
	s := &search{
		index: x, ctx: ctx, query: query, k: k, allow: allow,
		rows: rows, blocks: *x.blocks.Load(), stripe: x.stripe(),
	}
	return s.run()
}

// stripe is the number of rows that a goroutine takes at a time, a multiple of groupRows.
func (x *Index) stripe() int {
	rows := min(stripeRows, stripeBytes/(4*x.dim))
	return max(rows/groupRows, 1) * groupRows
}

// search is one search: a fixed number of rows, handed out in stripes to the goroutines
// that scan them.
type search struct {
	index  *Index
	ctx    context.Context // of the one call that this value lives in
	query  []float32
	k      int
	allow  *index.Bitset
	rows   int
	blocks []block
	stripe int
	next   atomic.Int64 // first row of the next stripe
}

func (s *search) run() ([]index.Candidate, error) {
	if err := index.Stopped(s.ctx); err != nil {
		return nil, err
	}
	tops := make([]*index.TopK, 1+s.helpersWanted())
	var wg sync.WaitGroup
	for i := 1; i < len(tops) && s.takeHelper(); i++ {
		wg.Go(func() {
			defer s.returnHelper()
			tops[i] = s.scan()
		})
	}
	tops[0] = s.scan()
	wg.Wait()
	if err := index.Stopped(s.ctx); err != nil {
		return nil, err
	}
	for _, top := range tops[1:] {
		if top != nil {
			tops[0].Merge(top)
		}
	}
	return tops[0].Sorted(), nil
}

func (s *search) helpersWanted() int {
	rows := s.rows
	if s.allow != nil {
		rows = min(rows, s.allow.Count())
	}
	return min(rows*s.index.dim*4/helperBytes, cap(s.index.helpers))
}

// takeHelper reports whether another goroutine may start. Searches never wait for one:
// where many run at once, each CPU has its own search and needs no help.
func (s *search) takeHelper() bool {
	select {
	case s.index.helpers <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *search) returnHelper() { <-s.index.helpers }

// scan takes stripes until none is left or the context ends.
func (s *search) scan() *index.TopK {
	sc := newScanner(s)
	for {
		start := int(s.next.Add(int64(s.stripe))) - s.stripe
		if start >= s.rows || s.ctx.Err() != nil {
			return sc.top
		}
		sc.rows(start, min(start+s.stripe, s.rows))
	}
}
