package evaluation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
)

// Answer is what came back for a question.
type Answer struct {
	Hits          []Passage // best first
	Context       []Passage // what the context quotes
	ContextTokens int       // of all of the context; 0: there is none
	Partial       bool
}

// Asker asks one question. It is called by several goroutines.
type Asker func(ctx context.Context, query string) (Answer, error)

// DefaultParallel is how many questions are asked at the same time: more would measure waiting.
const DefaultParallel = 2

// Runner runs sets.
type Runner struct {
	Ask Asker // required
	// Texts give the context scores of tokens; nil leaves them out.
	Texts Texts
	// Parallel is how many questions are asked at a time. The default is [DefaultParallel].
	Parallel int
	// Clock measures questions. The default is time.Now.
	Clock func() time.Time
	// Progress is told after each question, one call at a time. The default tells nobody.
	Progress func(done, all int)

	tokens *tokenized
}

func (r *Runner) ensureDefaults() error {
	if r.Ask == nil {
		return errNoRunner
	}
	if r.Parallel == 0 {
		r.Parallel = DefaultParallel
	}
	if r.Clock == nil {
		r.Clock = time.Now
	}
	if r.Progress == nil {
		r.Progress = func(int, int) {}
	}
	if r.Texts != nil && r.tokens == nil {
		r.tokens = &tokenized{texts: r.Texts}
	}
	return nil
}

// Run asks every question of a valid set and reports. The documents are all that the collection
// shows to the one who asks. The first question that fails ends the run: a mean over the others
// would be of another set.
func (r *Runner) Run(ctx context.Context, name string, set *Set, documents []Document, about About) (*Report, error) {
	if err := r.ensureDefaults(); err != nil {
		return nil, err
	}
	hash, err := set.Hash()
	if err != nil {
		return nil, err
	}
	index := indexCorpus(documents)
	report := &Report{
		Format: ReportFormat, At: r.Clock().UTC(), Corpus: CorpusOf(documents), About: about,
		Set: SetInfo{Name: name, Hash: hash, Questions: len(set.Questions), Spans: set.SpanCount(), Missing: index.missing(set)},
	}
	if report.Rows, err = r.rows(ctx, set, index); err != nil {
		return nil, err
	}
	report.Mean, report.Latency = meanOf(report.Rows), latencyOf(report.Rows)
	for i := range report.Rows {
		if report.Rows[i].Partial {
			report.Partial++
		}
	}
	return report, nil
}

func (r *Runner) rows(ctx context.Context, set *Set, index *corpusIndex) ([]Row, error) {
	rows := make([]Row, len(set.Questions))
	var told sync.Mutex
	done := 0
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(r.Parallel)
	for i := range set.Questions {
		if within.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := r.question(within, &set.Questions[i], index, &rows[i]); err != nil {
				return fmt.Errorf("question %s: %w", lode.CutValue(set.Questions[i].ID), err)
			}
			told.Lock()
			defer told.Unlock()
			done++
			r.Progress(done, len(rows))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return rows, ctx.Err()
}

func (r *Runner) question(ctx context.Context, q *Question, index *corpusIndex, row *Row) error {
	start := r.Clock()
	answer, err := r.Ask(ctx, q.Query)
	if err != nil {
		return err
	}
	took := r.Clock().Sub(start)
	j := q.judge(answer.Hits)
	*row = Row{ID: q.ID, Found: j.found, Hits: len(answer.Hits), ContextTokens: answer.ContextTokens, Partial: answer.Partial, Took: took}
	row.rank(q, j)
	if r.tokens == nil {
		return nil
	}
	return r.tokens.score(ctx, &row.Scores, q, &answer, index)
}
