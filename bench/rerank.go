package bench

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/tokens"
	"github.com/lodedb/lode/retrieval/rerank"
	"github.com/lodedb/lode/server"
)

// rerankDepth is how many candidates rankers see: the default of queries.
const rerankDepth = lode.DefaultRerank

// Rerank measures on SciFact, Cranfield and xquad-en what each ranker changes of nDCG@10 of hybrid
// queries, and what it takes. o.Data is the folder of the sets. Weights of features are trained on
// the training claims of SciFact alone and used on all sets; beside it, each set with enough
// judgements is cross-validated on its own. Nothing is chosen by a set's own test queries.
func Rerank(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("rerank", "Re-ranking", o)
	r.Data = "SciFact, Cranfield and xquad-en, texts as whole documents; features trained on the training claims of SciFact"
	words, err := newWordRankers()
	if err != nil {
		return nil, err
	}
	run := &rerankRun{o: o, r: r, words: words}
	for _, name := range []string{"scifact", "cranfield", "xquad-en"} {
		if err := run.set(ctx, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

type rerankRun struct {
	o       Options
	r       *Report
	words   *wordRankers
	trained *rerank.Linear // on SciFact
}

// wordRankers are what rankers need of the built-in model.
type wordRankers struct {
	maxsim  *rerank.MaxSim
	extract *rerank.Extractor
}

func newWordRankers() (*wordRankers, error) {
	embedder, err := builtin.New(builtin.Options{})
	if err != nil {
		return nil, err
	}
	maxsim, err := rerank.NewMaxSim(embedder, rerank.MaxSimOptions{})
	if err != nil {
		return nil, err
	}
	extract, err := rerank.NewExtractor("en", maxsim)
	return &wordRankers{maxsim, extract}, err
}

// set measures one set in a node of its own.
func (b *rerankRun) set(ctx context.Context, name string) error {
	set, err := beir.Read(filepath.Join(b.o.Data, name))
	if err != nil {
		return err
	}
	return withNode(ctx, b.o, func(_ *server.Server, c *client.Client) error {
		if err := ingestSet(ctx, c, set); err != nil {
			return err
		}
		if name == "scifact" {
			if err := b.train(ctx, c, set); err != nil {
				return err
			}
		}
		found, err := b.candidates(ctx, c, set)
		if err != nil {
			return err
		}
		return b.measure(ctx, name, found)
	})
}

// train finds weights from the claims that are for it.
func (b *rerankRun) train(ctx context.Context, c *client.Client, set *beir.Set) error {
	claims, err := set.WithClaims(filepath.Join(b.o.Data, "scifact", "train_claims.jsonl"))
	if err != nil {
		return err
	}
	found, err := b.candidates(ctx, c, claims)
	if err != nil {
		return err
	}
	judged, err := b.judged(ctx, found)
	if err != nil {
		return err
	}
	trained, err := rerank.Train(ctx, judged, rerank.TrainOptions{Seed: b.o.Seed})
	if err != nil {
		return err
	}
	b.r.Raw["features trained on SciFact's training claims"] = trained
	b.addGain("scifact, training claims, features, cross-validated", trained.Gain)
	b.trained, err = rerank.NewLinear(trained.Weights, b.words.extract)
	return err
}

// asked is a query with the passages that were found for it.
type asked struct {
	query    beir.Text
	grades   map[string]int
	passages []lode.RerankPassage
	docs     []string // of the passages
	took     time.Duration
}

// candidates are the best of each query in hybrid mode, as rankers get them.
func (b *rerankRun) candidates(ctx context.Context, c *client.Client, set *beir.Set) ([]asked, error) {
	queries := set.Queries
	if b.o.Limit > 0 {
		queries = queries[:min(b.o.Limit, len(queries))]
	}
	out := make([]asked, len(queries))
	for i, q := range queries {
		out[i] = asked{query: q, grades: set.Qrels[q.ID]}
		if err := out[i].retrieve(ctx, c); err != nil {
			return nil, fmt.Errorf("query %s: %w", q.ID, err)
		}
	}
	return out, nil
}

func (a *asked) retrieve(ctx context.Context, c *client.Client) error {
	ranks := map[lode.Mode]map[lode.ChunkID]int{}
	for _, mode := range []lode.Mode{lode.ModeDense, lode.ModeLexical} {
		answer, err := a.ask(ctx, c, mode, 10*rerankDepth)
		if err != nil {
			return err
		}
		ranks[mode] = map[lode.ChunkID]int{}
		for rank, hit := range answer.Hits {
			ranks[mode][hit.ChunkID] = rank + 1
		}
	}
	start := time.Now()
	answer, err := a.ask(ctx, c, lode.ModeHybrid, rerankDepth)
	if err != nil {
		return err
	}
	a.took = time.Since(start)
	for i, hit := range answer.Hits {
		f := lode.RerankFeatures{Fused: hit.Score, Tokens: tokens.Count(hit.Text)}
		if hit.DenseScore != nil {
			f.Dense, f.HasDense, f.DenseRank = *hit.DenseScore, true, ranks[lode.ModeDense][hit.ChunkID]
		}
		if hit.LexicalScore != nil {
			f.Lexical, f.HasLexical, f.LexicalRank = *hit.LexicalScore, true, ranks[lode.ModeLexical][hit.ChunkID]
		}
		a.passages = append(a.passages, lode.RerankPassage{Row: lode.RowID(i), Title: hit.Title, Path: hit.Path, Text: hit.Text, Features: f})
		a.docs = append(a.docs, string(hit.DocumentID))
	}
	return nil
}

func (a *asked) ask(ctx context.Context, c *client.Client, mode lode.Mode, k int) (*v1.Retrieved, error) {
	weight := qualityWeight
	request := v1.Retrieve{Text: a.query.Text, K: &k, Mode: mode}
	if mode == lode.ModeHybrid {
		request.DenseWeight = &weight
	}
	return c.Retrieve(ctx, qualityCollection, request)
}

// judged are the queries as training takes them.
func (b *rerankRun) judged(ctx context.Context, found []asked) ([]rerank.Judged, error) {
	out := make([]rerank.Judged, len(found))
	for i, a := range found {
		values, err := b.words.extract.Values(ctx, a.query.Text, a.passages)
		if err != nil {
			return nil, err
		}
		out[i].ID = a.query.ID
		for _, grade := range a.grades {
			out[i].Grades = append(out[i].Grades, grade)
		}
		for j, doc := range a.docs {
			out[i].Rows = append(out[i].Rows, rerank.JudgedRow{Values: values[j], Grade: a.grades[doc]})
		}
	}
	return out, nil
}

// measure ranks what was found in every way.
func (b *rerankRun) measure(ctx context.Context, name string, found []asked) error {
	before, took := make([]float64, len(found)), make([]time.Duration, len(found))
	for i, a := range found {
		before[i], took[i] = beir.NDCG(a.docs, a.grades, 10), a.took
	}
	b.r.Add(name+", hybrid, nDCG@10", meanOf(before), "")
	b.addTimes(name+", hybrid, one query over HTTP", took)
	b.r.Raw["ndcg@10 by query, "+name+", hybrid"] = before
	for _, ranker := range []rerank.Ranker{b.words.maxsim, b.trained} {
		after, took, err := rankAll(ctx, ranker, found)
		if err != nil {
			return err
		}
		b.addGain(name+", "+ranker.Name(), rerank.NewGain(before, after, 10_000, b.o.Seed))
		b.addTimes(name+", "+ranker.Name()+", one query", took)
		b.r.Raw["ndcg@10 by query, "+name+", "+ranker.Name()] = after
	}
	if name == "scifact" {
		return nil // its test queries are for no training
	}
	judged, err := b.judged(ctx, found)
	if err != nil {
		return err
	}
	own, err := rerank.Train(ctx, judged, rerank.TrainOptions{Seed: b.o.Seed})
	if err != nil {
		return err
	}
	b.r.Raw["features trained on all of "+name+"'s judgements, for the weights alone"] = own
	b.addGain(name+", features of its own judgements, cross-validated", own.Gain)
	return nil
}

// rankAll is the nDCG@10 of each query, and how long each took.
func rankAll(ctx context.Context, ranker rerank.Ranker, found []asked) (scores []float64, took []time.Duration, err error) {
	for _, a := range found {
		start := time.Now()
		ranked, err := ranker.Rank(ctx, a.query.Text, a.passages)
		if err != nil {
			return nil, nil, err
		}
		took = append(took, time.Since(start))
		order := make([]int, len(ranked))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(x, y int) int {
			return cmp.Compare(ranked[y].Score, ranked[x].Score)
		})
		docs := make([]string, len(order))
		for i, at := range order {
			docs[i] = a.docs[at]
		}
		scores = append(scores, beir.NDCG(docs, a.grades, 10))
	}
	return scores, took, nil
}

func (b *rerankRun) addGain(label string, g rerank.Gain) {
	b.r.Add(label+", nDCG@10", g.After, "")
	b.r.Add(label+", gain, from", g.Low, "")
	b.r.Add(label+", gain, to", g.High, "")
}

func (b *rerankRun) addTimes(label string, took []time.Duration) {
	slices.Sort(took)
	b.r.Add(label+", p50", took[len(took)/2].Seconds()*1e3, "ms")
	b.r.Add(label+", p99", took[len(took)*99/100].Seconds()*1e3, "ms")
}
