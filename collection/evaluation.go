package collection

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Bounds of what a collection keeps for evaluation.
const (
	MaxEvaluations        = 100    // sets
	KeptFeedback          = 10_000 // judgements; the oldest go first
	MaxFeedbackQueryBytes = 2 << 10
	MaxFeedbackBytes      = 2 << 10 // of an answer
	MaxFeedbackGrade      = 100
)

// EvaluationSet describes an evaluation set whose lines are in a blob.
type EvaluationSet struct {
	Name      string
	Blob      lode.Hash // must be durable, and stay so until PutEvaluation has returned
	Size      int64
	Hash      lode.Hash // whatever the order of the lines
	Questions int
	Spans     int
	At        time.Time // given by PutEvaluation
}

// Feedback is a judgement of what a question found: a chunk that search shows, or a span of a
// document that it shows.
type Feedback struct {
	Query string
	Chunk lode.ChunkID // else Document and Span
	// Document, Span and Bronze are of a citation. Bronze, where it is not zero, must be the hash of
	// the bytes that are shown now.
	Document lode.DocID
	Span     lode.Span
	Bronze   lode.Hash
	Grade    int // 0 is no answer
	Answer   string
	At       time.Time // given by Judge
}

// errNotAll refuses what is about documents that a caller may not all see.
func errNotAll(what string) *lode.Error {
	return lode.Errorf(lode.CodeUnauthorized, "%s may be about everything in the collection, which the caller may not see", what)
}

// openAll is open for a principal that may see everything.
func (e *Engine) openAll(p lode.Principal, name, what string) (*collection, error) {
	c, err := e.open(p, name)
	if err == nil && !p.SeesAll() {
		err = errNotAll(what)
	}
	return c, err
}

// PutEvaluation records a set, in the place of one of the same name. Sets are for principals that may
// see everything: they say what documents answer.
func (e *Engine) PutEvaluation(ctx context.Context, p lode.Principal, w lode.Write, name string, set EvaluationSet) (EvaluationSet, error) {
	c, err := e.openAll(p, name, "an evaluation set")
	if err == nil {
		err = lode.ValidateCollectionName(set.Name)
		if err != nil {
			err = lode.Invalid("name", set.Name, "a set is called by 1 to 64 characters of a-z, 0-9, _ and -")
		}
	}
	set.At = e.now()
	_, err = carry[done](ctx, e, p, w, err, func() command {
		return &putEvaluation{Collection: c.settings.ID, Set: storage.Evaluation(set)}
	})
	return set, err
}

// Evaluation describes a set.
func (e *Engine) Evaluation(p lode.Principal, collection, name string) (EvaluationSet, error) {
	c, err := e.openAll(p, collection, "an evaluation set")
	if err != nil {
		return EvaluationSet{}, err
	}
	var set EvaluationSet
	err = e.store.View(func(tx *storage.Tx) error {
		stored, err := tx.Evaluation(c.settings.ID, name)
		if err == nil {
			set = EvaluationSet(*stored)
		}
		return err
	})
	return set, err
}

// Evaluations describes all sets of a collection, by name.
func (e *Engine) Evaluations(p lode.Principal, collection string) ([]EvaluationSet, error) {
	c, err := e.openAll(p, collection, "an evaluation set")
	if err != nil {
		return nil, err
	}
	sets := []EvaluationSet{}
	err = e.store.View(func(tx *storage.Tx) error {
		all, err := tx.Evaluations(c.settings.ID)
		for _, s := range all {
			sets = append(sets, EvaluationSet(*s))
		}
		return err
	})
	return sets, err
}

// DeleteEvaluation removes a set.
func (e *Engine) DeleteEvaluation(ctx context.Context, p lode.Principal, w lode.Write, collection, name string) error {
	c, err := e.openAll(p, collection, "an evaluation set")
	_, err = carry[done](ctx, e, p, w, err, func() command { return &deleteEvaluation{Collection: c.settings.ID, Name: name} })
	return err
}

// Judge keeps a judgement. Whom it is about is settled at once: a span of the bytes that are shown, so
// that it outlives chunks. One may judge only what one may see. A judgement goes with its document.
func (e *Engine) Judge(ctx context.Context, p lode.Principal, w lode.Write, collection string, f Feedback) (Feedback, error) {
	c, err := e.open(p, collection)
	by, actorErr := checkedActor(p)
	if actorErr != nil {
		return f, actorErr
	}
	if err == nil {
		err = f.validate()
	}
	var doc lode.DocNo
	if err == nil {
		doc, err = e.judged(ctx, p, c, &f)
	}
	f.At = e.now()
	_, err = carry[done](ctx, e, p, w, err, func() command {
		return &putFeedback{Collection: c.settings.ID, Actor: by, Doc: doc, Judgement: storage.Feedback{
			Query: f.Query, Bronze: f.Bronze, Span: f.Span, Grade: f.Grade, Answer: f.Answer, At: f.At,
		}}
	})
	return f, err
}

func (f *Feedback) validate() error {
	switch {
	case strings.TrimSpace(f.Query) == "": // no query can be: one of these would end every run of the judgements
		return lode.Invalid("query", f.Query, "the question is blank")
	case len(f.Query) > MaxFeedbackQueryBytes || !utf8.ValidString(f.Query):
		return lode.Invalid("query", len(f.Query), "the question must be UTF-8 of 1 to %d bytes", MaxFeedbackQueryBytes)
	case len(f.Answer) > MaxFeedbackBytes || !utf8.ValidString(f.Answer):
		return lode.Invalid("answer", len(f.Answer), "an answer must be UTF-8 of at most %d bytes", MaxFeedbackBytes)
	case f.Grade < 0 || f.Grade > MaxFeedbackGrade:
		return lode.Invalid("grade", f.Grade, "grade must be 0 to %d", MaxFeedbackGrade)
	}
	return nil
}

// judged fills in what a judgement is about and returns the number of the document.
func (e *Engine) judged(ctx context.Context, p lode.Principal, c *collection, f *Feedback) (lode.DocNo, error) {
	if f.Document == "" {
		row, err := e.Chunk(ctx, p, c.settings.Name, f.Chunk, time.Time{})
		if err != nil {
			return 0, err
		}
		if row.Document.Kind != lode.KindDocument || row.Version.Blob.IsZero() {
			return 0, lode.Invalid("chunk_id", f.Chunk, "the chunk is of a raw vector, which has no text that a judgement could be of")
		}
		f.Document, f.Span, f.Bronze = row.Document.ID, row.Chunk.Span, row.Version.Blob
		return row.Document.No, nil
	}
	silver, v, err := e.Silver(ctx, p, c.settings.Name, f.Document)
	if err != nil {
		return 0, err
	}
	if !f.Bronze.IsZero() && f.Bronze != v.Blob {
		return 0, lode.FieldError(lode.CodePrecondition, "bronze_sha256", f.Bronze, "the document has other bytes by now")
	}
	if !f.Span.Within(len(silver.Text)) || f.Span.Len() == 0 {
		return 0, lode.Invalid("span", f.Span, "the span is not within the %d bytes of the canonical text", len(silver.Text))
	}
	f.Bronze = v.Blob
	return v.Doc, nil
}

// EachFeedback calls fn for the judgements of a collection, the oldest first. They hold what others
// asked, so they are for principals that may see everything.
func (e *Engine) EachFeedback(ctx context.Context, p lode.Principal, collection string, fn func(Feedback) error) error {
	c, err := e.openAll(p, collection, "feedback")
	if err != nil {
		return err
	}
	return e.store.View(func(tx *storage.Tx) error {
		return tx.Feedback(c.settings.ID, func(f *storage.Feedback) error {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
			d, err := tx.Document(c.settings.ID, f.Doc)
			if err != nil {
				return err
			}
			return fn(Feedback{Query: f.Query, Document: d.ID, Span: f.Span, Bronze: f.Bronze, Grade: f.Grade, Answer: f.Answer, At: f.At})
		})
	})
}
