package ann

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/flat"
)

// truthDepth is how many neighbours of each query are computed.
const truthDepth = 100

// Truth holds the exact nearest rows of each query, nearest first.
type Truth struct {
	Queries, K int
	IDs        []uint32  // Queries times K
	Distances  []float32 // ascending for each query; nil when the file has none
}

// Row returns the ids of a query.
func (t *Truth) Row(query int) []uint32 { return t.IDs[query*t.K : (query+1)*t.K] }

// relevant is how many of a query's first ids count as right among k: those that are as
// near as the one in place k, so that a tie at the cut punishes nobody.
func (t *Truth) relevant(query, k int) int {
	if t.Distances == nil {
		return k
	}
	d := t.Distances[query*t.K : (query+1)*t.K]
	n := k
	for n < t.K && d[n] == d[k-1] {
		n++
	}
	return n
}

// Recall is the share of the first k true neighbours that the answers hold, over all
// queries. An answer holds at most k ids, none twice; see [checkAnswer].
func (t *Truth) Recall(answers [][]uint32, k int) float64 {
	hits := 0
	for q, ids := range answers {
		right := t.Row(q)[:t.relevant(q, k)]
		found := 0
		for _, id := range ids {
			for _, r := range right {
				if id == r {
					found++
					break
				}
			}
		}
		hits += min(found, k)
	}
	return float64(hits) / float64(len(answers)*k)
}

// head returns the truth of the first queries alone.
func (t *Truth) head(queries int) *Truth {
	h := &Truth{Queries: min(queries, t.Queries), K: t.K}
	h.IDs = t.IDs[:h.Queries*t.K]
	if t.Distances != nil {
		h.Distances = t.Distances[:h.Queries*t.K]
	}
	return h
}

// check holds ids against the rows there are.
func (t *Truth) check(rows int) error {
	for i, id := range t.IDs {
		if int64(id) >= int64(rows) {
			return malformed("neighbour %d of query %d is row %d; there are %d rows", i%t.K, i/t.K, id, rows)
		}
	}
	for i, d := range t.Distances {
		if d != d || i%t.K > 0 && d < t.Distances[i-1] {
			return malformed("the distances of query %d do not ascend at place %d", i/t.K, i%t.K)
		}
	}
	return nil
}

// ReadTruth reads neighbours from an .ivecs file, or from a .bin file: uint32 queries,
// uint32 k, the ids as uint32, the distances as float32.
func ReadTruth(path string) (*Truth, error) {
	return openData("truth", path, decodeTruth)
}

func decodeTruth(ext string, r *bufio.Reader, size int64) (*Truth, error) {
	var l layout
	var err error
	withDistances := false
	switch strings.ToLower(ext) {
	case ".ivecs":
		l, err = vecsLayout(r, size, float32Element)
	case ".bin":
		withDistances = true
		l, err = binLayout(r, size, element{size: 8})
	default:
		return nil, lode.Invalid("truth", ext, "neighbours are read from .ivecs and .bin")
	}
	if err != nil {
		return nil, err
	}
	t := &Truth{Queries: l.rows, K: l.dim, IDs: make([]uint32, l.rows*l.dim)}
	for i := range t.IDs {
		if l.prefix > 0 && i%t.K == 0 {
			if k, err := readUint32(r); err != nil || int(k) != t.K {
				return nil, malformed("query %d has %d neighbours, the first has %d", i/t.K, k, t.K)
			}
		}
		if t.IDs[i], err = readUint32(r); err != nil {
			return nil, malformed("neighbours of query %d: %v", i/t.K, err)
		}
	}
	if withDistances {
		t.Distances, err = readDistances(r, len(t.IDs))
	}
	return t, err
}

func readDistances(r *bufio.Reader, n int) ([]float32, error) {
	d := make([]float32, n)
	for i := range d {
		bits, err := readUint32(r)
		if err != nil {
			return nil, malformed("distances: %v", err)
		}
		d[i] = math.Float32frombits(bits)
	}
	return d, nil
}

func readUint32(r *bufio.Reader) (uint32, error) {
	b, err := r.Peek(4)
	if err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	x := binary.LittleEndian.Uint32(b)
	_, err = r.Discard(4)
	return x, err
}

// computeTruth searches every query exactly, on all CPUs; ties are in the order of ids.
// progress is called with the number of queries done, from one goroutine at a time.
func computeTruth(ctx context.Context, base, queries *Vectors, metric lode.Metric, progress func(done int)) (*Truth, error) {
	x := flat.New(base.Dim, metric)
	for i := range base.Rows {
		if _, err := x.Add(base.Row(i)); err != nil {
			return nil, err
		}
	}
	k := min(truthDepth, base.Rows)
	t := &Truth{Queries: queries.Rows, K: k, IDs: make([]uint32, queries.Rows*k), Distances: make([]float32, queries.Rows*k)}
	var next, done atomic.Int64
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for q := int(next.Add(1)) - 1; q < queries.Rows; q = int(next.Add(1)) - 1 {
				found, err := x.Search(ctx, queries.Row(q), k, nil)
				mu.Lock()
				if err != nil {
					failed = err
					mu.Unlock()
					return
				}
				progress(int(done.Add(1)))
				mu.Unlock()
				for i, c := range found {
					t.IDs[q*k+i], t.Distances[q*k+i] = c.Ordinal, -c.Score
				}
			}
		})
	}
	wg.Wait()
	return t, failed
}
