package retrieval

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// RecommendQuery asks a collection for rows like some examples and unlike others.
type RecommendQuery struct {
	Collection         string
	Positive, Negative []Example
	Strategy           string // average_vector, best_score or sum_scores; the default is average_vector
	K                  int    // the default is lode.DefaultK
	Filter             lode.Filter
	With               lode.With
	AsOf               time.Time // as in [lode.Query]
}

// Example is a document or raw vector of the collection, a vector, or a text.
type Example struct {
	Kind   lode.Kind // of the id
	ID     lode.DocID
	Vector lode.Vector
	Text   string // embedded as a question is
}

// Recommend returns at most q.K hits, best first, without rows of the examples, from one view.
// Texts are embedded once.
func (r *Retriever) Recommend(ctx context.Context, p lode.Principal, q RecommendQuery) (hits []lode.Hit, err error) {
	if err := lode.ValidateCollectionName(q.Collection); err != nil {
		return nil, err
	}
	if q.K == 0 {
		q.K = lode.DefaultK
	}
	texts := embeddedTexts{}
	err = r.inOneView(ctx, p, q.Collection, q.AsOf, func(view View) error {
		fitted, err := r.fitExamples(ctx, view.Collection(), q, texts)
		if err != nil {
			return err
		}
		var found []lode.Candidate
		err = r.step(StepDense, func() (err error) {
			found, err = view.Recommend(ctx, fitted)
			return err
		})
		if err == nil {
			hits, err = r.shown(ctx, view, found, q.With)
		}
		for i := range hits {
			hits[i].Dense = nil // the score is made of several searches
		}
		return err
	})
	return hits, err
}

// embeddedTexts are the vectors of texts in a collection.
type embeddedTexts map[embeddedText]lode.Vector

type embeddedText struct {
	in   lode.CollectionID
	text string
}

// fitExamples puts vectors into the places of texts.
func (r *Retriever) fitExamples(ctx context.Context, c lode.Collection, q RecommendQuery, known embeddedTexts) (RecommendQuery, error) {
	var err error
	for name, list := range map[string]*[]Example{"positive": &q.Positive, "negative": &q.Negative} {
		fitted := make([]Example, len(*list))
		for i, x := range *list {
			if x.Text != "" {
				if x.Vector, err = r.exampleVector(ctx, c, x.Text, known); err != nil {
					return q, inExample(err, name, i)
				}
				x.Text = ""
			}
			fitted[i] = x
		}
		*list = fitted
	}
	return q, nil
}

func (r *Retriever) exampleVector(ctx context.Context, c lode.Collection, text string, known embeddedTexts) (lode.Vector, error) {
	key := embeddedText{c.ID, text}
	if v, ok := known[key]; ok {
		return v, nil
	}
	s, err := r.search(lode.Query{Collection: c.Name, Text: text, Mode: lode.ModeDense})
	if err != nil {
		return nil, err
	}
	if c.Embedder.Provider == lode.ProviderNone {
		return nil, lode.Invalid("text", lode.CutValue(text), "the collection has no embedder").WithHint("give a vector or an id")
	}
	v, err := s.vector(ctx, c, lode.ModeDense)
	if err == nil {
		known[key] = v
	}
	return v, err
}

// inExample names the example that a coded error is about.
func inExample(err error, name string, i int) error {
	e, ok := err.(*lode.Error)
	if !ok || e.Field == "" || strings.HasPrefix(e.Field, name) {
		return err
	}
	return e.In(fmt.Sprintf("%s[%d]", name, i))
}
