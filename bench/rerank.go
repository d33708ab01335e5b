package bench

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/retrieval/rerank"
	"github.com/lodedb/lode/server"
)

// rerankDepth is how many candidates rankers see: the default of queries.
const rerankDepth = lode.DefaultRerank

// rerankResamples are those of every bootstrap.
const rerankResamples = 10_000

// trainedOn is the set whose training claims features are trained on.
const trainedOn = "scifact"

// Rerank measures on SciFact, Cranfield and xquad-en what each ranker changes of nDCG@10 of hybrid
// and dense queries, and what it takes. o.Data is the folder of the sets. Weights of features are
// trained on the training claims of SciFact alone and used on all sets; beside it, each other set is
// cross-validated on its own judgements. Nothing is chosen by the queries that are measured.
func Rerank(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("rerank", "Re-ranking", o)
	r.Data = "SciFact, Cranfield and xquad-en, texts as whole documents, the best 50 candidates; features trained on the training claims of SciFact"
	run := &rerankRun{o: o, r: r}
	for _, name := range []string{trainedOn, "cranfield", "xquad-en"} {
		if err := run.set(ctx, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

type rerankRun struct {
	o       Options
	r       *Report
	trained *rerank.Trained // on SciFact
}

// wordRankers are what rankers need of the built-in model.
type wordRankers struct {
	maxsim   *rerank.MaxSim
	weighted *rerank.MaxSim // words weigh what they do in the set
	extract  *rerank.Extractor
}

func newWordRankers(set *beir.Set) (w wordRankers, err error) {
	words, err := builtin.Table()
	if err != nil {
		return w, err
	}
	counter := words.NewCounter()
	for _, doc := range set.Docs {
		counter.Add(doc.Title + "\n\n" + doc.Text)
	}
	if w.maxsim, err = maxSimOf(nil); err != nil {
		return w, err
	}
	if w.weighted, err = maxSimOf(counter.Weights()); err != nil {
		return w, err
	}
	w.extract, err = rerank.NewExtractor("en", w.maxsim)
	return w, err
}

func maxSimOf(weights *table.Weights) (*rerank.MaxSim, error) {
	e, err := builtin.New(builtin.Options{Weights: weights})
	if err != nil {
		return nil, err
	}
	return rerank.NewMaxSim(e, rerank.MaxSimOptions{})
}

// set measures one set in a node of its own.
func (b *rerankRun) set(ctx context.Context, name string) error {
	set, err := beir.Read(filepath.Join(b.o.Data, name))
	if err != nil {
		return err
	}
	words, err := newWordRankers(set)
	if err != nil {
		return err
	}
	var hybrid, dense *rankedSet
	err = withNode(ctx, b.o, func(_ *server.Server, c *client.Client) error {
		if err := ingestSet(ctx, c, set); err != nil {
			return err
		}
		if name == trainedOn {
			if err := b.train(ctx, c, set, words); err != nil {
				return err
			}
		}
		hybrid, dense, err = b.candidates(ctx, c, set)
		return err
	})
	if err != nil {
		return err
	}
	return b.measure(ctx, name, words, hybrid, dense)
}

// train finds weights from the claims that are for it.
func (b *rerankRun) train(ctx context.Context, c *client.Client, set *beir.Set, words wordRankers) error {
	claims, err := set.WithClaims(filepath.Join(b.o.Data, trainedOn, "train_claims.jsonl"))
	if err != nil {
		return err
	}
	found, _, err := b.candidates(ctx, c, claims)
	if err != nil {
		return err
	}
	judged, err := found.judged(ctx, words.extract)
	if err != nil {
		return err
	}
	b.trained, err = rerank.Train(ctx, judged, rerank.TrainOptions{Seed: b.o.Seed, Resamples: rerankResamples})
	if err != nil {
		return err
	}
	b.r.Raw["features trained on the training claims of SciFact"] = b.trained
	b.addGain(trainedOn+", training claims, features, cross-validated", b.trained.Gain)
	return nil
}

// measure ranks what was found in every way.
func (b *rerankRun) measure(ctx context.Context, name string, words wordRankers, hybrid, dense *rankedSet) error {
	features, err := rerank.NewLinear(b.trained.Weights, words.extract)
	if err != nil {
		return err
	}
	for _, from := range []struct {
		mode  string
		found *rankedSet
		by    map[string]rerank.Ranker
		order []string
	}{
		{"hybrid", hybrid, map[string]rerank.Ranker{"maxsim": words.maxsim, "maxsim with weights of words": words.weighted, "features": features},
			[]string{"maxsim", "maxsim with weights of words", "features"}},
		{"dense", dense, map[string]rerank.Ranker{"maxsim": words.maxsim, "maxsim with weights of words": words.weighted},
			[]string{"maxsim", "maxsim with weights of words"}},
	} {
		label := name + ", " + from.mode
		before := from.found.scores(nil)
		b.r.Add(label+", nDCG@10", meanOf(before), "")
		if from.found == hybrid { // dense queries ask for more here, to learn ranks
			b.addTimes(label+", one query over HTTP", from.found.took)
		}
		b.r.Raw["ndcg@10 by query, "+label] = before
		for _, by := range from.order {
			if err := b.compare(ctx, label+" + "+by, from.by[by], from.found, before); err != nil {
				return err
			}
		}
	}
	return b.own(ctx, name, words, hybrid)
}

// compare adds what a ranker changes.
func (b *rerankRun) compare(ctx context.Context, label string, ranker rerank.Ranker, found *rankedSet, before []float64) error {
	orders, took, err := found.rank(ctx, ranker)
	if err != nil {
		return err
	}
	after := found.scores(orders)
	b.addGain(label, rerank.NewGain(before, after, rerankResamples, b.o.Seed))
	b.addTimes(label+", re-ranking alone", took)
	b.r.Raw["ndcg@10 by query, "+label] = after
	return nil
}

// own cross-validates features on the judgements of a set, but for the test queries of SciFact, which
// are for no training.
func (b *rerankRun) own(ctx context.Context, name string, words wordRankers, hybrid *rankedSet) error {
	if name == trainedOn {
		return nil
	}
	judged, err := hybrid.judged(ctx, words.extract)
	if err != nil {
		return err
	}
	own, err := rerank.Train(ctx, judged, rerank.TrainOptions{Seed: b.o.Seed, Resamples: rerankResamples})
	if err != nil {
		return err
	}
	b.addGain(name+", hybrid + features of its own judgements, cross-validated", own.Gain)
	return nil
}

func (b *rerankRun) addGain(label string, g rerank.Gain) {
	b.r.Add(label+", nDCG@10", g.After, "")
	b.r.Add(label+", gain, from", g.Low, "")
	b.r.Add(label+", gain, to", g.High, "")
}
