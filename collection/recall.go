package collection

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// recent is a sample of the vectors that were searched for lately. It is in memory only.
type recent struct {
	calls   atomic.Uint64
	vectors [recentVectors]atomic.Pointer[lode.Vector]
}

const (
	recentVectors = 256
	recentEvery   = 8 // one of so many searches is kept
)

func (r *recent) note(v lode.Vector) {
	if n := r.calls.Add(1); n%recentEvery == 1 {
		kept := slices.Clone(v)
		r.vectors[n/recentEvery%recentVectors].Store(&kept)
	}
}

// RecallQuery asks how much of what an exact search finds a search finds.
type RecallQuery struct {
	Samples int // queries; fewer when there are not so many
	K       int
	Ef      int // breadth of the searches that are measured; 0: the default
	Filter  lode.Filter
	Seed    uint64 // of the choice among stored vectors
}

// Recall is what was measured.
type Recall struct {
	Queries int
	// Source is where queries came from: "recent", a sample of the vectors that were searched for
	// lately, or "stored", rows of the collection, which are left out of their own answers.
	Source      string
	Mean, Least float64
	// Times are medians, of searches and of exact ones.
	Search, Exact time.Duration
}

// MaxRecallSamples bounds the queries of one measurement.
const MaxRecallSamples = 1000

func (q *RecallQuery) validate() error {
	if q.Samples < 1 || q.Samples > MaxRecallSamples {
		return lode.Invalid("samples", q.Samples, "samples must be 1 to %d", MaxRecallSamples)
	}
	return (&lode.DenseSearch{K: q.K, Ef: q.Ef}).Validate()
}

// Recall searches for sampled queries, as searches do and exactly, within what the principal may
// see and the filter matches. Without rows it measures nothing.
func (v *View) Recall(ctx context.Context, q RecallQuery) (Recall, error) {
	if err := q.validate(); err != nil {
		return Recall{}, err
	}
	may, err := v.allow(ctx, v.base, q.Filter)
	if err != nil {
		return Recall{}, err
	}
	queries, source := v.recentQueries(q.Samples), "recent"
	if len(queries) == 0 {
		queries, source = v.storedQueries(may, &q), "stored"
	}
	r := Recall{Queries: len(queries), Source: source, Least: 1}
	sum := 0.0
	var search, exact []time.Duration
	for _, query := range queries {
		share, took, err := v.compare(ctx, &query, &q, may)
		if err != nil {
			return Recall{}, err
		}
		sum += share
		r.Least = min(r.Least, share)
		search, exact = append(search, took[0]), append(exact, took[1])
	}
	if r.Mean = 1; len(queries) > 0 {
		r.Mean = sum / float64(len(queries))
	}
	r.Search, r.Exact = median(search), median(exact)
	return r, nil
}

// sampled is a query, and the row that it is.
type sampled struct {
	vector lode.Vector
	own    uint32 // ordinal of the row plus 1, 0 for none
}

func (v *View) recentQueries(n int) (queries []sampled) {
	for i := range v.collection.recent.vectors {
		if kept := v.collection.recent.vectors[i].Load(); kept != nil && len(queries) < n {
			queries = append(queries, sampled{vector: *kept})
		}
	}
	return queries
}

// storedQueries are rows at random, each once.
func (v *View) storedQueries(may *allowed, q *RecallQuery) (queries []sampled) {
	var rows []uint32
	v.ordinals(may).Each(func(ordinal uint32) bool {
		rows = append(rows, ordinal)
		return true
	})
	random := rand.New(rand.NewPCG(q.Seed, 0))
	for n := min(q.Samples, len(rows)); len(queries) < n; {
		i := len(queries) + random.IntN(len(rows)-len(queries))
		rows[len(queries)], rows[i] = rows[i], rows[len(queries)]
		ordinal := rows[len(queries)]
		e := v.base.docs.at(v.base.rows[ordinal].slot)
		vector := v.base.vector(e.segment, ordinal)
		if vector == nil { // damaged
			break
		}
		queries = append(queries, sampled{vector, ordinal + 1})
	}
	return queries
}

// compare returns the share of the exact answer that a search finds, and what both took.
func (v *View) compare(ctx context.Context, query *sampled, q *RecallQuery, may *allowed) (share float64, took [2]time.Duration, err error) {
	var answers [2][]index.Candidate
	for i, exact := range []bool{false, true} {
		how := lode.DenseSearch{K: q.K, Exact: exact}
		if !exact {
			how.Ef = q.Ef
		}
		if query.own > 0 {
			how.K++ // itself
		}
		start := time.Now()
		found, err := v.base.searchWith(ctx, query.vector, &how, may.parts)
		if err != nil {
			return 0, took, err
		}
		took[i] = time.Since(start)
		found = slices.DeleteFunc(found, func(c index.Candidate) bool { return c.Ordinal+1 == query.own })
		answers[i] = found[:min(q.K, len(found))]
	}
	return index.Recall(answers[0], answers[1]), took, nil
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}
