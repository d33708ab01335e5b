package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/embed/adapt"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/server"
)

// AdaptOptions are how `lode models adapt` is called.
type AdaptOptions struct {
	Seconds float64
	Batches int // when given, Seconds do not count
}

// Adapt ingests a BEIR data set, trains the built-in model further on its documents with the program
// itself, and measures what that changes: on documents that were held out, and, from outside, on the
// set's judged queries, which training never sees. Nothing is chosen by the queries.
func Adapt(ctx context.Context, o Options, how AdaptOptions) (*Report, error) {
	set, err := beir.Read(o.Data)
	if err != nil {
		return nil, err
	}
	models, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(models)
	name := filepath.Base(o.Data)
	r := NewReport("adapt-"+name, "The built-in model adapted to "+name, o)
	r.Data = fmt.Sprintf("%s, %d texts as whole documents, %d judged queries that training does not see", name, len(set.Docs), len(set.Queries))
	err = withNodeAs(ctx, server.Config{Logger: o.Logger, ModelsDir: models}, func(node *server.Server, c *client.Client) error {
		run := &adaptRun{o: o, set: set, client: c, r: r}
		if err := ingestSet(ctx, c, set); err != nil {
			return err
		}
		made, err := run.adapt(ctx, node.URL(), models, how)
		if err != nil {
			return err
		}
		run.addHeldOut(made)
		return run.queries(ctx, made)
	})
	return r, err
}

type adaptRun struct {
	o      Options
	set    *beir.Set
	client *client.Client
	r      *Report
}

const adaptedModel = "adapted"

// adaptedInfo is the manifest of the new model.
type adaptedInfo struct {
	local.Info
	made adapt.Result
}

// adapt runs the command as its user does. The model is written even if it is no better, so that the
// queries tell about it.
func (a *adaptRun) adapt(ctx context.Context, url, models string, how AdaptOptions) (*adaptedInfo, error) {
	args := []string{"models", "adapt", adaptedModel, "--collection", qualityCollection, "--server", url, "--models", models,
		"--seed", strconv.FormatUint(a.o.Seed, 10), "--force", "--output", "json"}
	if how.Batches > 0 {
		args = append(args, "--batches", strconv.Itoa(how.Batches))
	} else {
		args = append(args, "--seconds", fmt.Sprint(how.Seconds))
	}
	command := exec.CommandContext(ctx, a.o.Binary, args...)
	command.Stderr = a.o.Log
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("lode models adapt: %w", err)
	}
	made := &adaptedInfo{}
	if err := json.Unmarshal(out, &made.Info); err != nil {
		return nil, fmt.Errorf("lode models adapt: %w", err)
	}
	a.r.Raw["model"] = made.Info
	return made, json.Unmarshal(made.Made, &made.made)
}

// addHeldOut adds what the command measured by itself.
func (a *adaptRun) addHeldOut(made *adaptedInfo) {
	for _, way := range []struct {
		name string
		of   adapt.Comparison
	}{{"", made.made.Plain}, {" with weights", made.made.Weighted}} {
		for _, score := range []struct {
			name          string
			before, after float64
			gain          adapt.Interval
		}{
			{"MRR@10", way.of.Before.MRR, way.of.After.MRR, way.of.GainMRR},
			{"recall@10", way.of.Before.Recall, way.of.After.Recall, way.of.GainRecall},
		} {
			name := "held-out documents, " + score.name + way.name
			a.r.Add(name+", before", score.before, "")
			a.r.Add(name+", after", score.after, "")
			a.r.Add(name+", gain, from", score.gain.Low, "")
			a.r.Add(name+", gain, to", score.gain.High, "")
		}
	}
	a.r.Add("batches", float64(made.made.Batches), "")
}

// queries measures the set's queries with the base, the base with weights, and the new model.
func (a *adaptRun) queries(ctx context.Context, made *adaptedInfo) error {
	weighted := v1.CreateCollection{Name: "weighted", IDFFrom: qualityCollection}
	adapted := v1.CreateCollection{Name: "adapted", Embedder: &v1.Embedder{Provider: lode.ProviderLocal, Model: adaptedModel, Dim: made.Dim}}
	for _, to := range []v1.CreateCollection{weighted, adapted} {
		if err := ingestSetInto(ctx, a.client, a.set, to); err != nil {
			return err
		}
	}
	for _, mode := range []lode.Mode{lode.ModeDense, lode.ModeHybrid} {
		base, err := a.ndcg(ctx, qualityCollection, mode)
		if err != nil {
			return err
		}
		a.r.Add(fmt.Sprintf("queries, %s, nDCG@10, base", mode), meanOf(base), "")
		for _, to := range []v1.CreateCollection{weighted, adapted} {
			scores, err := a.ndcg(ctx, to.Name, mode)
			if err != nil {
				return err
			}
			label := fmt.Sprintf("queries, %s, nDCG@10, %s", mode, to.Name)
			low, high := gainOf(base, scores, a.o.Seed)
			a.r.Add(label, meanOf(scores), "")
			a.r.Add(label+", gain over the base, from", low, "")
			a.r.Add(label+", gain over the base, to", high, "")
		}
	}
	return nil
}

// ndcg is the nDCG@10 of each query.
func (a *adaptRun) ndcg(ctx context.Context, collection string, mode lode.Mode) ([]float64, error) {
	var scores []float64
	for _, q := range a.set.Queries {
		k, weight := 10, qualityWeight
		request := v1.Retrieve{Text: q.Text, K: &k, Mode: mode}
		if mode == lode.ModeHybrid {
			request.DenseWeight = &weight
		}
		answer, err := a.client.Retrieve(ctx, collection, request)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", q.ID, err)
		}
		ranked := make([]string, len(answer.Hits))
		for i, hit := range answer.Hits {
			ranked[i] = string(hit.DocumentID)
		}
		scores = append(scores, beir.NDCG(ranked, a.set.Qrels[q.ID], 10))
	}
	a.r.Raw[fmt.Sprintf("ndcg@10 by query, %s, %s", mode, collection)] = scores
	return scores, nil
}

func meanOf(values []float64) float64 {
	sum := 0.
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// gainOf is where the mean of after less before lies with 95 %, by a paired bootstrap over queries.
func gainOf(before, after []float64, seed uint64) (low, high float64) {
	const resamples = 2000
	random, means := rand.New(rand.NewPCG(seed, 5)), make([]float64, resamples)
	for i := range means {
		for range before {
			q := random.IntN(len(before))
			means[i] += (after[q] - before[q]) / float64(len(before))
		}
	}
	slices.Sort(means)
	return means[resamples*25/1000], means[resamples*975/1000-1]
}
