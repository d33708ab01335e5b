package evaluation

import (
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode"
)

// Metric names a score of a question.
type Metric string

// The metrics. All are 0 to 1, and more is better but for [ContextWaste].
const (
	NDCG10         Metric = "ndcg@10"
	Recall5        Metric = "recall@5"
	Recall20       Metric = "recall@20"
	Recall100      Metric = "recall@100"
	MRR            Metric = "mrr"
	MAP            Metric = "map"
	TokenPrecision Metric = "token_precision" // share of the context's tokens of documents that is relevant
	TokenRecall    Metric = "token_recall"    // share of the relevant tokens that is in the context
	TokenIoU       Metric = "token_iou"
	ContextWaste   Metric = "context_waste" // share of all tokens of the context, headers too, that is not relevant
)

// Metrics are all of them, in the order of tables.
func Metrics() []Metric {
	return []Metric{NDCG10, Recall5, Recall20, Recall100, MRR, MAP, TokenPrecision, TokenRecall, TokenIoU, ContextWaste}
}

// Validate reports whether the metric is known.
func (m Metric) Validate() error {
	if slices.Contains(Metrics(), m) {
		return nil
	}
	return lode.Invalid("metric", m, "the metrics are %v", Metrics())
}

// LessIsBetter reports whether a smaller value is the better one.
func (m Metric) LessIsBetter() bool { return m == ContextWaste }

// Depth is how many hits a metric looks at.
func (m Metric) Depth() int {
	switch m {
	case NDCG10:
		return 10
	case Recall5:
		return 5
	case Recall20:
		return 20
	}
	return FullDepth
}

// FullDepth is how many hits all metrics together look at.
const FullDepth = 100

// Scores are the values of a question, or means of several.
type Scores struct {
	NDCG10    float64 `json:"ndcg@10"`
	Recall5   float64 `json:"recall@5"`
	Recall20  float64 `json:"recall@20"`
	Recall100 float64 `json:"recall@100"`
	MRR       float64 `json:"mrr"`
	MAP       float64 `json:"map"`
	// The rest is about the context; nil where its tokens were not counted.
	TokenPrecision *float64 `json:"token_precision,omitempty"`
	TokenRecall    *float64 `json:"token_recall,omitempty"`
	TokenIoU       *float64 `json:"token_iou,omitempty"`
	ContextWaste   *float64 `json:"context_waste,omitempty"`
}

// Of returns the value of a metric, and whether it was measured.
func (s *Scores) Of(m Metric) (value float64, measured bool) {
	p := s.at(m)
	if p == nil {
		return 0, false
	}
	return *p, true
}

func (s *Scores) at(m Metric) *float64 {
	switch m {
	case NDCG10:
		return &s.NDCG10
	case Recall5:
		return &s.Recall5
	case Recall20:
		return &s.Recall20
	case Recall100:
		return &s.Recall100
	case MRR:
		return &s.MRR
	case MAP:
		return &s.MAP
	case TokenPrecision:
		return s.TokenPrecision
	case TokenRecall:
		return s.TokenRecall
	case TokenIoU:
		return s.TokenIoU
	case ContextWaste:
		return s.ContextWaste
	}
	return nil
}

// rank fills the scores of a ranking.
func (s *Scores) rank(q *Question, j judged) {
	s.NDCG10 = q.ndcg(j, 10)
	s.Recall5, s.Recall20, s.Recall100 = q.recall(j, 5), q.recall(j, 20), q.recall(j, 100)
	s.MRR, s.MAP = 0, q.averagePrecision(j)
	if len(j.found) > 0 {
		s.MRR = 1 / float64(j.found[0].Rank)
	}
}

// ndcg is the discounted gain of spans at the ranks where they are first answered, over that of the
// best order with one span at each rank. A passage that answers several spans gains all of them, so
// that it may be better than that order: the result is at most 1. Where each passage answers one span
// it is trec_eval's ndcg_cut, with the grade as gain.
func (q *Question) ndcg(j judged, k int) float64 {
	got := 0.0
	for _, f := range j.found {
		if f.Rank <= k {
			got += discounted(q.Spans[f.Span].Grade, f.Rank)
		}
	}
	grades := make([]int, len(q.Spans))
	for i := range q.Spans {
		grades[i] = q.Spans[i].Grade
	}
	slices.SortFunc(grades, func(a, b int) int { return b - a })
	best := 0.0
	for i, grade := range grades[:min(k, len(grades))] {
		best += discounted(grade, i+1)
	}
	return min(1, got/best)
}

func discounted(grade, rank int) float64 { return float64(grade) / math.Log2(float64(rank+1)) }

// recall is the share of relevant spans that are answered among the first k.
func (q *Question) recall(j judged, k int) float64 {
	n := 0
	for _, f := range j.found {
		if f.Rank <= k {
			n++
		}
	}
	return float64(n) / float64(q.Relevant())
}

// averagePrecision sums, over the relevant spans that are answered, the share of useful passages up to
// there, and divides by the number of all. A passage is useful when it is the first to answer a span.
func (q *Question) averagePrecision(j judged) float64 {
	useful, rank, sum := 0, 0, 0.0
	for _, f := range j.found {
		for ; rank < f.Rank; rank++ {
			if j.fresh[rank] {
				useful++
			}
		}
		sum += float64(useful) / float64(f.Rank)
	}
	return sum / float64(q.Relevant())
}

// meanOf averages the scores of rows, in their order. A score of the context is averaged over the
// rows that have it.
func meanOf(rows []Row) (mean Scores) {
	for _, m := range Metrics() {
		sum, n := 0.0, 0
		for i := range rows {
			if v, measured := rows[i].Of(m); measured {
				sum += v
				n++
			}
		}
		if n > 0 {
			mean.set(m, sum/float64(n))
		}
	}
	return mean
}

func (s *Scores) set(m Metric, v float64) {
	switch m {
	case TokenPrecision:
		s.TokenPrecision = &v
	case TokenRecall:
		s.TokenRecall = &v
	case TokenIoU:
		s.TokenIoU = &v
	case ContextWaste:
		s.ContextWaste = &v
	default:
		*s.at(m) = v
	}
}

// Latency is how long questions took.
type Latency struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// latencyOf takes the nearest rank.
func latencyOf(rows []Row) Latency {
	if len(rows) == 0 {
		return Latency{}
	}
	all := make([]time.Duration, len(rows))
	for i := range rows {
		all[i] = rows[i].Took
	}
	slices.Sort(all)
	at := func(p float64) time.Duration { return all[max(0, int(math.Ceil(p*float64(len(all))))-1)] }
	return Latency{P50: at(0.5), P99: at(0.99)}
}
