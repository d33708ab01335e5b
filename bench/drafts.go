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

// draftQuestions is how many questions are drafted of a data set.
const draftQuestions = 300

// Drafts asks whether a set that is drafted of the texts ranks systems as the judgements of people do.
// The systems are the two searches alone and hybrids of them at several weights; the set's own queries
// choose nothing of the draft.
func Drafts(ctx context.Context, o Options) (*Report, error) {
	from, err := beir.Read(o.Data)
	if err != nil {
		return nil, err
	}
	people, err := evaluation.ReadBEIR(o.Data)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(o.Data)
	r := NewReport("drafts-"+name, "Drafted questions against those of people: "+name, o)
	err = withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
		if err := ingestSet(ctx, c, from); err != nil {
			return err
		}
		chunks, err := draftChunks(ctx, c)
		if err != nil {
			return err
		}
		drafted, fidelity, err := evaluation.Draft(ctx, chunks, evaluation.DraftOptions{Questions: draftQuestions, Seed: o.Seed})
		if err != nil {
			return err
		}
		r.Data = fmt.Sprintf("%s, %d texts as whole documents, %d judged queries, %d drafted ones", name, len(from.Docs), len(people.Questions), len(drafted.Questions))
		r.Raw["fidelity"] = fidelity
		d := &draftRun{client: c, r: r}
		return d.compare(ctx, people, drafted, fidelity)
	})
	return r, err
}

// draftChunks reads the one chunk of each document.
func draftChunks(ctx context.Context, c *client.Client) ([]evaluation.DraftChunk, error) {
	var all []evaluation.DraftChunk
	for d, err := range c.Documents(ctx, qualityCollection, client.DocumentPage{}) {
		if err != nil {
			return nil, err
		}
		gold, err := c.GetGold(ctx, qualityCollection, d.ID)
		if err != nil {
			return nil, err
		}
		for _, chunk := range gold.Chunks {
			all = append(all, evaluation.DraftChunk{Document: d.ID, Bronze: *d.Bronze, Title: d.Title, Path: chunk.Path, Text: chunk.Text, Span: lode.Span(chunk.Span)})
		}
	}
	return all, nil
}

// draftSystem is a way of asking.
type draftSystem struct {
	name   string
	mode   lode.Mode
	weight float64 // of hybrids
}

func draftSystems() []draftSystem {
	all := []draftSystem{{name: "lexical", mode: lode.ModeLexical}}
	for _, w := range []float64{0.1, 0.2, 0.3, 0.5, 0.7, 0.9} {
		all = append(all, draftSystem{fmt.Sprintf("hybrid, dense weight %g", w), lode.ModeHybrid, w})
	}
	return append(all, draftSystem{name: "dense", mode: lode.ModeDense})
}

type draftRun struct {
	client *client.Client
	r      *Report
}

func (d *draftRun) compare(ctx context.Context, people, drafted *evaluation.Set, fidelity *evaluation.Fidelity) error {
	byPeople, byDraft := map[string][]float64{}, map[string][]float64{}
	var judged, made []float64
	for _, s := range draftSystems() {
		for _, set := range []struct {
			of     *evaluation.Set
			scores map[string][]float64
			means  *[]float64
			label  string
		}{{people, byPeople, &judged, "people"}, {drafted, byDraft, &made, "drafted"}} {
			report, err := d.run(ctx, set.of, s)
			if err != nil {
				return err
			}
			for i := range report.Rows {
				set.scores[s.name] = append(set.scores[s.name], report.Rows[i].NDCG10)
			}
			*set.means = append(*set.means, report.Mean.NDCG10)
			d.r.Add(fmt.Sprintf("%s, %s, nDCG@10", s.name, set.label), report.Mean.NDCG10, "")
		}
	}
	d.r.Add("Kendall's tau of the systems' order", evaluation.KendallTau(judged, made), "")
	d.r.Add("flagged share of drafted questions", 100*fidelity.FlaggedShare(), "%")
	d.r.Raw["ndcg@10 by question, people"], d.r.Raw["ndcg@10 by question, drafted"] = byPeople, byDraft
	return nil
}

func (d *draftRun) run(ctx context.Context, set *evaluation.Set, s draftSystem) (*evaluation.Report, error) {
	k := 10
	request := v1.Retrieve{K: &k, Mode: s.mode}
	if s.mode == lode.ModeHybrid {
		request.DenseWeight = &s.weight
	}
	runner := evaluation.Runner{Ask: func(ctx context.Context, query string) (evaluation.Answer, error) {
		asked := request
		asked.Text = query
		found, err := d.client.Retrieve(ctx, qualityCollection, asked)
		if err != nil {
			return evaluation.Answer{}, err
		}
		answer := evaluation.Answer{}
		for i := range found.Hits {
			h := &found.Hits[i]
			answer.Hits = append(answer.Hits, evaluation.Passage{Document: h.DocumentID, Bronze: *h.Bronze, Span: lode.Span(h.Span)})
		}
		return answer, nil
	}}
	return runner.Run(ctx, s.name, set, nil, evaluation.About{})
}
