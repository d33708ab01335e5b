package collection

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// Strategy says how examples make a score.
type Strategy string

// The strategies. Similarity is the score of a search by vector under the collection's metric.
const (
	// StrategyAverage searches once, for the mean of the positive examples, moved away from
	// the mean of the negative ones by as much as lies between the two.
	StrategyAverage Strategy = "average_vector"
	// StrategyBest scores a row by the example that is nearest to it, with s of that, squashed to
	// s/(1+|s|): between 0 and 2 where it is a positive one, between -2 and 0 where it is a
	// negative one, then the less the nearer.
	StrategyBest Strategy = "best_score"
	// StrategySum adds the similarities of the positive examples and takes off those of the
	// negative ones.
	StrategySum Strategy = "sum_scores"
)

// RecommendQuery asks for rows like some examples and unlike others.
type RecommendQuery struct {
	Positive, Negative []Example
	Strategy           Strategy // the default is StrategyAverage
	K                  int
	Filter             lode.Filter
}

// Example is a document or raw vector of the collection, each of whose rows counts, or a vector.
// Rows of examples are not recommended.
type Example struct {
	Kind   lode.Kind
	ID     lode.DocID
	Vector lode.Vector // instead of an id
}

// MaxExamples bounds the examples of a query, and MaxExampleRows the rows of those that are
// documents, the first of which count.
const (
	MaxExamples    = 128
	MaxExampleRows = 64
)

func (q *RecommendQuery) validate() error {
	if n := len(q.Positive) + len(q.Negative); n == 0 || n > MaxExamples {
		return lode.Invalid("positive", n, "1 to %d examples are needed, positive and negative together", MaxExamples)
	}
	switch q.Strategy {
	case StrategyAverage:
		if len(q.Positive) == 0 {
			return lode.Invalid("positive", "", "the strategy %s needs a positive example", q.Strategy)
		}
	case StrategyBest, StrategySum:
	default:
		return lode.Invalid("strategy", q.Strategy, "strategy must be average_vector, best_score or sum_scores")
	}
	return lode.ValidateK(q.K)
}

// Recommend returns the min(k, matching) rows that score best, best first, without those of the
// examples. Scores are exact for every row that is compared. best_score and sum_scores compare
// the rows nearest to each example, and all rows while there are at most [ExactRecommend].
func (v *View) Recommend(ctx context.Context, q RecommendQuery) ([]lode.Candidate, error) {
	if q.Strategy == "" {
		q.Strategy = StrategyAverage
	}
	if err := q.validate(); err != nil {
		return nil, err
	}
	may, err := v.allow(ctx, v.base, q.Filter)
	if err != nil {
		return nil, err
	}
	r := recommendation{view: v, q: &q, rows: make([]*index.Bitset, len(may.parts))}
	for i, rows := range may.parts {
		r.rows[i] = rows.Clone()
	}
	if r.positive, err = r.examples(ctx, "positive", q.Positive); err != nil {
		return nil, err
	}
	if r.negative, err = r.examples(ctx, "negative", q.Negative); err != nil {
		return nil, err
	}
	if q.Strategy == StrategyAverage {
		return r.average(ctx)
	}
	return r.score(ctx)
}

// ExactRecommend is the number of matching rows up to which all are scored.
const ExactRecommend = 20_000

// recommendDepth is how many rows are compared for each example, for each that is asked for.
const recommendDepth = 4

type recommendation struct {
	view               *View
	q                  *RecommendQuery
	rows               []*index.Bitset // that may be recommended
	positive, negative []lode.Vector
}

// examples returns the vectors of examples and takes their rows out.
func (r *recommendation) examples(ctx context.Context, name string, of []Example) (vectors []lode.Vector, err error) {
	v := r.view
	for i, x := range of {
		if x.ID == "" {
			if err := x.Vector.ValidateFor(v.collection.settings.Dim, v.collection.settings.Metric); err != nil {
				return nil, nameExample(err, name, i)
			}
			vectors = append(vectors, x.Vector)
			continue
		}
		if len(x.Vector) > 0 {
			return nil, nameExample(lode.Invalid("id", x.ID, "an example is an id or a vector, not both"), name, i)
		}
		own, err := r.rowsOf(ctx, x)
		if err != nil {
			return nil, nameExample(err, name, i)
		}
		vectors = append(vectors, own...)
	}
	return vectors, nil
}

// rowsOf returns the vectors of an example that the principal may see, and takes its rows out.
func (r *recommendation) rowsOf(ctx context.Context, x Example) (vectors []lode.Vector, err error) {
	s := r.view.base
	e, err := r.view.document(ctx, x.Kind, x.ID)
	if err != nil {
		return nil, err
	}
	i, p := s.partOf(e.segment)
	if p == nil {
		return nil, errNoDocument(x.Kind, x.ID)
	}
	first, _ := p.find(e.ordinal)
	for row := first; row < first+e.rows; row++ {
		r.rows[i].Clear(row)
		if len(vectors) < MaxExampleRows {
			vectors = append(vectors, p.vectors.Vector(row))
		}
	}
	return vectors, nil
}

// document finds a document as the view shows it.
func (v *View) document(ctx context.Context, kind lode.Kind, id lode.DocID) (*entry, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	if err := id.Validate(); err != nil {
		return nil, err
	}
	may, err := v.allow(ctx, v.base, lode.HasID(id))
	if err != nil {
		return nil, err
	}
	var found *entry
	v.base.eachDocument(may.parts, func(e *entry) {
		if e.doc.Kind == kind {
			found = e
		}
	})
	if found == nil {
		return nil, errNoDocument(kind, id)
	}
	return found, nil
}

func nameExample(err error, name string, i int) error {
	return coded(err).In(fmt.Sprintf("%s[%d]", name, i))
}

// average searches for the mean of the examples.
func (r *recommendation) average(ctx context.Context) ([]lode.Candidate, error) {
	aim := mean(r.positive)
	if len(r.negative) > 0 {
		for i, x := range mean(r.negative) {
			aim[i] += aim[i] - x
		}
	}
	settings := &r.view.collection.settings
	if err := aim.ValidateFor(settings.Dim, settings.Metric); err != nil {
		return nil, lode.Invalid("negative", "", "the examples cancel each other out: their mean has no direction")
	}
	found, err := r.view.base.search(ctx, aim, r.q.K, r.rows)
	return r.view.base.candidates(found), err
}

func mean(vectors []lode.Vector) lode.Vector {
	sum := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		for i, x := range v {
			sum[i] += float64(x)
		}
	}
	out := make(lode.Vector, len(sum))
	for i, x := range sum {
		out[i] = float32(x / float64(len(vectors)))
	}
	return out
}

// score compares rows with every example.
func (r *recommendation) score(ctx context.Context) ([]lode.Candidate, error) {
	among, err := r.candidates(ctx)
	if err != nil {
		return nil, err
	}
	s := r.view.base
	sums := map[uint32]*tally{}
	for _, set := range []struct {
		vectors  []lode.Vector
		positive bool
	}{{r.positive, true}, {r.negative, false}} {
		for _, vector := range set.vectors {
			found, err := s.search(ctx, vector, max(count(among), 1), among)
			if err != nil {
				return nil, err
			}
			for _, c := range found {
				t := sums[c.Ordinal]
				if t == nil {
					t = &tally{}
					sums[c.Ordinal] = t
				}
				t.add(float64(c.Score), set.positive)
			}
		}
	}
	best := make([]lode.Candidate, 0, len(sums))
	for ordinal, t := range sums {
		best = append(best, lode.Candidate{Row: s.rows[ordinal].id, Score: t.score(r.q.Strategy)})
	}
	slices.SortFunc(best, func(a, b lode.Candidate) int {
		if a.Better(b) {
			return -1
		}
		return 1
	})
	return slices.Clip(best[:min(r.q.K, len(best))]), nil
}

// candidates are the rows to compare with every example.
func (r *recommendation) candidates(ctx context.Context) ([]*index.Bitset, error) {
	if count(r.rows) <= ExactRecommend || len(r.positive) == 0 {
		return r.rows, nil
	}
	s := r.view.base
	among := make([]*index.Bitset, len(r.rows))
	for i, rows := range r.rows {
		among[i] = index.NewBitset(rows.Len())
	}
	for _, vector := range r.positive {
		for i := range s.parts {
			found, err := s.parts[i].vectors.Search(ctx, vector, recommendDepth*r.q.K, r.rows[i])
			if err != nil {
				return nil, s.parts[i].failed(err)
			}
			for _, c := range found {
				among[i].Set(c.Ordinal)
			}
		}
	}
	return among, nil
}

func count(sets []*index.Bitset) (n int) {
	for _, rows := range sets {
		n += rows.Count()
	}
	return n
}

// tally gathers what a row has from the examples.
type tally struct {
	sum             float64
	best, worst     float64 // of positive and of negative examples
	liked, disliked bool
}

func (t *tally) add(score float64, positive bool) {
	switch {
	case positive:
		t.sum += score
		if !t.liked || score > t.best {
			t.best, t.liked = score, true
		}
	default:
		t.sum -= score
		if !t.disliked || score > t.worst {
			t.worst, t.disliked = score, true
		}
	}
}

// score is better the larger it is.
func (t *tally) score(s Strategy) float64 {
	if s == StrategySum {
		return t.sum
	}
	if t.liked && (!t.disliked || t.best > t.worst) {
		return 1 + squash(t.best)
	}
	return -1 - squash(t.worst)
}

func squash(x float64) float64 { return x / (1 + math.Abs(x)) }
