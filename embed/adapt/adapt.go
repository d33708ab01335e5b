package adapt

import (
	"context"
	"fmt"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/contrast"
	"github.com/lodedb/lode/embed/table"
)

// Options are the settings of a run. The zero value is the recipe.
type Options struct {
	Seed    uint64        // of every random choice. The default is 1.
	Time    time.Duration // to train in; how many batches fit is measured. The default is a minute.
	Batches int           // when given, Time does not count
	Threads int           // the default is 1; the bits do not depend on it

	Say func(format string, args ...any) // progress, without texts. The default is silence.
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Time == 0 {
		o.Time = time.Minute
	}
	if o.Threads == 0 {
		o.Threads = 1
	}
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
}

// Validate checks the ranges after [Options.EnsureDefaults].
func (o Options) Validate() error {
	switch {
	case o.Time < 0:
		return lode.Invalid("time", o.Time, "the time to train in is positive")
	case o.Batches < 0 || o.Batches > maxBatches:
		return lode.Invalid("batches", o.Batches, "the number of batches is 1 to %d; 0 lets the time decide", maxBatches)
	case o.Threads < 0:
		return lode.Invalid("threads", o.Threads, "the number of threads is positive")
	}
	return nil
}

// Bounds of a run.
const (
	maxBatches = 1_000_000
	leastHeld  = 10 // documents to measure with
	leastBatch = 16
	mostBatch  = 512
	rate       = .004 // a fifth of the base's
	mostPasses = 5    // over all pairs: more of a small collection is learned by heart
)

// Result is what a run made and measured.
type Result struct {
	Documents int            `json:"documents"` // with a passage of some length
	HeldOut   int            `json:"held_out"`  // of those
	Questions int            `json:"questions"` // of held-out documents
	Passages  int            `json:"passages"`  // that each question is asked among
	Pairs     map[string]int `json:"pairs"`     // trained on, by kind
	Batch     int            `json:"batch"`     // pairs in a batch
	Batches   int            `json:"batches"`
	Seed      uint64         `json:"seed"`
	Loss      [2]float64     `json:"loss"`     // mean of the first and the last tenth of the batches
	Plain     Comparison     `json:"plain"`    // by the rows alone
	Weighted  Comparison     `json:"weighted"` // with the weights of the collection's words

	Table []byte `json:"-"` // the file, see embed/table
}

// Better says whether the new table is: the whole interval of what the MRR of plain vectors gained is
// above 0.
func (r *Result) Better() bool { return r.Plain.GainMRR.Low > 0 }

// Run trains base further on documents. Fewer documents than can be measured with are
// [lode.CodeInvalid].
func Run(ctx context.Context, base *table.Table, documents []Document, o Options) (*Result, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	texts := prepare(documents)
	m := newMeasure(base, texts)
	if m.documents < leastHeld {
		return nil, lode.Invalid("documents", len(texts), "%d of them are held out and can be asked for; to measure takes %d", m.documents, leastHeld).
			WithHint("a collection of some hundred documents is enough")
	}
	corpus := pairsOf(texts, o.Seed)
	if corpus.Pairs() == 0 {
		return nil, lode.Invalid("documents", len(texts), "they give no pairs of texts to train on")
	}
	r := &Result{Documents: len(texts), HeldOut: m.held, Questions: len(m.questions), Passages: len(m.passages), Seed: o.Seed, Pairs: map[string]int{}}
	for _, s := range corpus.Sources {
		r.Pairs[s.Name] = len(s.Pairs)
	}
	o.Say("%d documents, %d held out; %d pairs to train on, %d questions among %d passages to measure with", r.Documents, r.HeldOut, corpus.Pairs(), r.Questions, r.Passages)
	t := &training{base: base, corpus: corpus, o: o, batch: batchSize(texts)}
	rows, err := t.run(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.Table, err = table.Build(table.Contents{Dim: base.Dim(), Buckets: base.Buckets(), Words: words(base), Rows: rows}); err != nil {
		return nil, fmt.Errorf("quantize: %w", err)
	}
	after, err := table.Open(string(r.Table))
	if err != nil {
		return nil, err
	}
	return r, m.compare(ctx, base, after, r)
}

// batchSize keeps the passages of a batch mostly of different documents: those of one are no wrong
// answers to each other.
func batchSize(texts []*textsOf) int {
	passages := 0
	for _, d := range texts {
		if !d.held {
			passages += len(d.passages)
		}
	}
	n := leastBatch
	for n*2 <= min(mostBatch, passages/8) {
		n *= 2
	}
	return n
}

// training is the way from the rows of base to others.
type training struct {
	base   *table.Table
	corpus *contrast.Corpus
	o      Options
	batch  int
}

func (t *training) run(ctx context.Context, r *Result) ([]float32, error) {
	r.Batch, r.Batches = t.batch, t.o.Batches
	if r.Batches == 0 {
		n, err := t.plan(ctx)
		if err != nil {
			return nil, err
		}
		r.Batches = n
	}
	t.o.Say("training: %d batches of %d pairs, seed %d", r.Batches, r.Batch, t.o.Seed)
	trainer, err := t.trainer(r.Batches)
	if err != nil {
		return nil, err
	}
	tenth, last := max(1, r.Batches/10), time.Now()
	err = trainer.Run(ctx, func(batch int, loss float64, _ time.Duration) {
		if batch < tenth {
			r.Loss[0] += loss / float64(tenth)
		}
		if batch >= r.Batches-tenth {
			r.Loss[1] += loss / float64(tenth)
		}
		if time.Since(last) > sayEvery {
			last = time.Now()
			t.o.Say("batch %d of %d: loss %.3f", batch+1, r.Batches, loss)
		}
	}, func() error { return nil })
	if err != nil {
		return nil, err
	}
	t.o.Say("trained: the loss went from %.3f to %.3f", r.Loss[0], r.Loss[1])
	return trainer.Rows(), nil
}

const sayEvery = 5 * time.Second

func (t *training) trainer(batches int) (*contrast.Trainer, error) {
	return contrast.NewTrainer(t.corpus, words(t.base), rowsOf(t.base), contrast.Options{
		Dim: t.base.Dim(), Words: t.base.Words(), Buckets: t.base.Buckets(), Batches: batches, Batch: t.batch,
		Rate: rate, Seed: t.o.Seed, Threads: t.o.Threads,
	})
}

// trialBatches are timed to plan the others.
const trialBatches = 5

// plan says how many batches fit the time, by timing a few. The steps of a run get smaller towards its
// end, so that the end must be known when it begins.
func (t *training) plan(ctx context.Context) (int, error) {
	trial, err := t.trainer(trialBatches)
	if err != nil {
		return 0, err
	}
	var took time.Duration
	err = trial.Run(ctx, func(batch int, _ float64, d time.Duration) {
		if batch > 0 { // the first meets cold memory
			took += d
		}
	}, func() error { return nil })
	if err != nil {
		return 0, err
	}
	each := max(time.Microsecond, took/(trialBatches-1))
	passes := mostPasses * t.corpus.Pairs() / t.batch
	return max(1, min(int((t.o.Time-took-took/(trialBatches-1))/each), passes)), nil
}

// words are those of a table, in its order.
func words(t *table.Table) []string {
	all := make([]string, t.Words())
	for i := range all {
		all[i] = t.Word(i)
	}
	return all
}

// rowsOf are the rows of a table, of length one on average: a table keeps them but for a factor, and
// steps of training have a size.
func rowsOf(t *table.Table) []float32 {
	dim := t.Dim()
	rows := make([]float32, (t.Words()+t.Buckets())*dim)
	sum := 0.
	for i := range len(rows) / dim {
		row := rows[i*dim : (i+1)*dim]
		t.Row(i, row)
		sum += float64(contrast.Length(row))
	}
	if sum > 0 {
		contrast.Scale(rows, float32(float64(len(rows)/dim)/sum))
	}
	return rows
}
