package bench

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/retrieval/evaluation"
	"github.com/lodedb/lode/server"
)

// answerBudgets are budgets of the context in tokens, each with the share of answers, in percent, that
// should be within.
var answerBudgets = []struct {
	tokens int
	target float64
}{{1500, 97}, {400, 90}}

// Answers ingests a BEIR data set that says where answers stand (answers.json, as XQuAD has it), asks its
// questions as a user would who sets nothing, and counts those of which an answer is in the context
// from its first byte to its last. Judgements are by span, so the chunker that is the default is measured too.
func Answers(ctx context.Context, o Options) (*Report, error) {
	from, err := beir.Read(o.Data)
	if err != nil {
		return nil, err
	}
	set, err := evaluation.ReadAnswers(o.Data, filepath.Join(o.Data, "answers.json"), func(title string) int { return len(title) + len(titleEnd) })
	if err != nil {
		return nil, err
	}
	name := filepath.Base(o.Data)
	r := NewReport("answers-"+name, "Answers within the context: "+name, o)
	r.Data = fmt.Sprintf("%s, %d texts in chunks of the default, %d questions", name, len(from.Docs), len(set.Questions))
	return r, withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
		a := &answerRun{client: c, set: set, r: r}
		if err := a.ingest(ctx, from); err != nil {
			return err
		}
		for _, b := range answerBudgets {
			if err := a.measure(ctx, b.tokens, b.target); err != nil {
				return err
			}
		}
		return nil
	})
}

// titleEnd stands between the title and the text of a document.
const titleEnd = "\n\n"

type answerRun struct {
	client    *client.Client
	set       *evaluation.Set
	documents []evaluation.Document
	r         *Report
}

func (a *answerRun) ingest(ctx context.Context, from *beir.Set) error {
	if err := ingestTexts(ctx, a.client, from, v1.CreateCollection{Name: qualityCollection}); err != nil {
		return err
	}
	for d, err := range a.client.Documents(ctx, qualityCollection, client.DocumentPage{}) {
		if err != nil {
			return err
		}
		a.documents = append(a.documents, evaluation.Document{ID: d.ID, Bronze: *d.Bronze, Silver: *d.Silver, Chunks: d.Chunks})
	}
	return nil
}

// measure asks all questions with one budget.
func (a *answerRun) measure(ctx context.Context, budget int, target float64) error {
	cited := map[string][]evaluation.Passage{} // by question; each is asked once, one after the other
	runner := evaluation.Runner{Parallel: 1, Ask: func(ctx context.Context, query string) (evaluation.Answer, error) {
		found, err := a.client.Retrieve(ctx, qualityCollection, v1.Retrieve{Text: query, BudgetTokens: &budget})
		if err != nil {
			return evaluation.Answer{}, err
		}
		answer := evaluation.Answer{ContextTokens: found.Context.Tokens}
		for i := range found.Hits {
			h := &found.Hits[i]
			answer.Hits = append(answer.Hits, evaluation.Passage{Document: h.DocumentID, Span: lode.Span(h.Span)})
		}
		for i := range found.Context.Citations {
			c := &found.Context.Citations[i]
			answer.Context = append(answer.Context, evaluation.Passage{Document: c.DocumentID, Span: lode.Span(c.Span)})
		}
		cited[query] = answer.Context
		return answer, nil
	}, Texts: func(ctx context.Context, id lode.DocID) (string, error) {
		silver, err := a.client.GetSilver(ctx, qualityCollection, id)
		if err != nil {
			return "", err
		}
		return silver.Text, nil
	}}
	report, err := runner.Run(ctx, "answers", a.set, a.documents, evaluation.About{})
	if err != nil {
		return err
	}
	within, missed := 0, []string{}
	for i := range a.set.Questions {
		q := &a.set.Questions[i]
		if answered(q, cited[q.Query]) {
			within++
		} else {
			missed = append(missed, q.ID)
		}
	}
	label := fmt.Sprintf("%d tokens, ", budget)
	a.r.Demand(label+"an answer in the context", 100*float64(within)/float64(len(a.set.Questions)), "%", ">=", target)
	a.r.Add(label+"nDCG@10", report.Mean.NDCG10, "")
	a.r.Add(label+"context waste", 100**report.Mean.ContextWaste, "%")
	a.r.Raw[label+"questions without an answer"] = missed
	return nil
}

// answered reports whether one of the passages holds one of the spans whole.
func answered(q *evaluation.Question, cited []evaluation.Passage) bool {
	for i := range cited {
		for j := range q.Spans {
			if v, same := evaluation.Judge(&cited[i], &q.Spans[j]); same && v.Covered == 1 {
				return true
			}
		}
	}
	return false
}
