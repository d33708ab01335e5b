package adapt

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/lodedb/lode/embed/contrast"
	"github.com/lodedb/lode/embed/table"
)

// Bounds of what is measured.
const (
	mostPassages  = 8000
	mostQuestions = 2000
	depth         = 10 // of MRR and recall
	resamples     = 2000
)

// Scores say how well questions find their passages: among the first 10, the mean of one over the rank
// of the answer, and the share of questions that have it there.
type Scores struct {
	MRR    float64 `json:"mrr_10"`
	Recall float64 `json:"recall_10"`
}

// Interval is where a difference lies with 95 %, by a bootstrap over documents.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Comparison is the base beside the new table, on the same questions.
type Comparison struct {
	Before     Scores   `json:"before"`
	After      Scores   `json:"after"`
	GainMRR    Interval `json:"gain_mrr_10"`
	GainRecall Interval `json:"gain_recall_10"`
}

// question is what is asked, and which passages answer.
type question struct {
	text     string
	document int // number of the held-out document
	answers  []int
}

// measure is the questions of held-out documents and the passages that they are asked among.
type measure struct {
	questions []question
	passages  []string
	weights   *table.Weights
	held      int // documents
	documents int // of those, with a question
}

// newMeasure takes the passages of held-out documents and, up to the bound, those of the others.
// Weights are counted over all passages of the collection, as a collection counts them.
func newMeasure(base *table.Table, texts []*textsOf) *measure {
	m := &measure{}
	counter := base.NewCounter()
	for _, held := range []bool{true, false} {
		for _, d := range texts {
			if d.held != held {
				continue
			}
			if held {
				m.hold(d)
			} else {
				m.add(d)
			}
			for _, p := range d.passages {
				counter.Add(p.question + "\n\n" + p.text())
			}
		}
	}
	m.weights = counter.Weights()
	return m
}

func (m *measure) add(d *textsOf) (first int) {
	first = len(m.passages)
	for _, p := range d.passages[:min(len(d.passages), mostPassages-first)] {
		m.passages = append(m.passages, p.text())
	}
	return first
}

// hold adds a held-out document: a question for each title and heading, with all passages below it.
func (m *measure) hold(d *textsOf) {
	first := m.add(d)
	byText := map[string]int{}
	for i := range len(m.passages) - first {
		text := d.passages[i].question
		at, known := byText[text]
		if !known {
			if len(m.questions) == mostQuestions {
				continue
			}
			at = len(m.questions)
			byText[text] = at
			m.questions = append(m.questions, question{text: text, document: m.held})
		}
		m.questions[at].answers = append(m.questions[at].answers, first+i)
	}
	if len(byText) > 0 {
		m.documents++
	}
	m.held++
}

// compare measures both tables, with and without weights.
func (m *measure) compare(ctx context.Context, before, after *table.Table, r *Result) error {
	for _, way := range []struct {
		weights *table.Weights
		to      *Comparison
	}{{nil, &r.Plain}, {m.weights, &r.Weighted}} {
		old, err := m.ranks(ctx, before.NewAdder(way.weights), before.Dim())
		if err != nil {
			return err
		}
		now, err := m.ranks(ctx, after.NewAdder(way.weights), after.Dim())
		if err != nil {
			return err
		}
		*way.to = Comparison{
			Before: Scores{mean(old, reciprocal), mean(old, found)}, After: Scores{mean(now, reciprocal), mean(now, found)},
			GainMRR: m.bootstrap(old, now, reciprocal, r.Seed), GainRecall: m.bootstrap(old, now, found, r.Seed),
		}
	}
	return nil
}

// ranks is, for each question, the place of its best answer, from 0.
func (m *measure) ranks(ctx context.Context, adder *table.Adder, dim int) ([]int, error) {
	vectors := make([]float32, len(m.passages)*dim)
	for i, p := range m.passages {
		adder.Vector(p, vectors[i*dim:(i+1)*dim])
	}
	ranks, q := make([]int, len(m.questions)), make([]float32, dim)
	scores := make([]float32, len(m.passages))
	for i, asked := range m.questions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		adder.Vector(asked.text, q)
		for j := range scores {
			scores[j] = contrast.Dot(q, vectors[j*dim:(j+1)*dim])
		}
		ranks[i] = rank(scores, asked.answers)
	}
	return ranks, nil
}

// rank counts what stands before the best answer; of equal scores the others stand first.
func rank(scores []float32, answers []int) (n int) {
	best := scores[answers[0]]
	for _, a := range answers {
		best = max(best, scores[a])
	}
	for j, s := range scores {
		if s >= best && !slices.Contains(answers, j) {
			n++
		}
	}
	return n
}

func reciprocal(rank int) float64 {
	if rank >= depth {
		return 0
	}
	return 1 / float64(rank+1)
}

func found(rank int) float64 {
	if rank >= depth {
		return 0
	}
	return 1
}

func mean(ranks []int, score func(int) float64) float64 {
	sum := 0.
	for _, r := range ranks {
		sum += score(r)
	}
	return sum / float64(max(1, len(ranks)))
}

// bootstrap draws documents again and again, with all their questions: those of one document are not
// independent.
func (m *measure) bootstrap(before, after []int, score func(int) float64, seed uint64) Interval {
	gains, counts := make([]float64, m.held), make([]float64, m.held)
	for i, q := range m.questions {
		gains[q.document] += score(after[i]) - score(before[i])
		counts[q.document]++
	}
	random, means := rand.New(rand.NewPCG(seed, 4)), make([]float64, resamples)
	for i := range means {
		gain, count := 0., 0.
		for range m.held {
			d := random.IntN(m.held)
			gain, count = gain+gains[d], count+counts[d]
		}
		means[i] = gain / max(1, count)
	}
	slices.Sort(means)
	return Interval{means[resamples*25/1000], means[resamples*975/1000-1]}
}
