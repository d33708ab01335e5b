package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

// RetrieveOptions are those of [Retrieve] beside the usual ones.
type RetrieveOptions struct {
	Cache  string // folder in which the node's data is kept between runs
	Chunks int    // at least so many are searched
	Asks   int    // questions
	Rounds int    // over all of them
}

const (
	retrieveCollection = "passages"
	retrieveWords      = 12_000 // of a document
	retrieveDepth      = 100    // candidates of each search, as retrieve takes them for ten hits
	retrieveTarget     = 2.0    // times the slower of the two searches
	retrieveWarm       = 50     // questions before the first that counts
)

// Retrieve measures questions of one client: what an answer takes and which share each stage has of
// it, beside each of its two searches alone. Every question is asked all ways, one after the other, and
// which way is first turns; all are in the process, so that no way pays for the network.
func Retrieve(ctx context.Context, o Options, ro RetrieveOptions) (*Report, error) {
	b := &retrieveBench{Options: o, RetrieveOptions: ro, report: NewReport("retrieve", "Questions to 100,000 passages", o), took: map[string][]float64{}, stages: map[string][]float64{}}
	dir := filepath.Join(ro.Cache, fmt.Sprintf("retrieve-%d-%d", ro.Chunks, o.Seed))
	node, err := server.Open(ctx, server.Config{DataDir: dir, Listen: "127.0.0.1:0", Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	return b.report, errors.Join(b.run(ctx, node), node.Close())
}

type retrieveBench struct {
	Options
	RetrieveOptions
	report *Report
	model  *bigrams
	asks   []string
	node   *server.Server
	embed  embed.Embedder
	took   map[string][]float64 // milliseconds of each way
	stages map[string][]float64 // of each stage, in the questions that were explained
}

func (b *retrieveBench) run(ctx context.Context, node *server.Server) (err error) {
	b.node = node
	if b.model, err = learnBigrams(b.Data); err != nil {
		return err
	}
	if b.embed, err = builtin.New(builtin.Options{Model: lode.DefaultEmbedder.Model}); err != nil {
		return err
	}
	chunks, err := b.fill(ctx)
	if err != nil {
		return err
	}
	b.report.Data = fmt.Sprintf("%d passages of a bigram model of scifact, cranfield, xquad-en, go-website and rust-book; %d questions of 2 to 8 of its words, %d rounds, 10 hits, 2,000 tokens of context",
		chunks, b.Asks, b.Rounds)
	random := rand.New(rand.NewPCG(b.Seed, 2))
	for range b.Asks {
		b.asks = append(b.asks, string(b.model.write(nil, random, 2+random.IntN(7))))
	}
	for round := range b.Rounds {
		for i, text := range b.asks {
			if err := b.ask(ctx, text, i+round, round > 0 || i >= retrieveWarm || b.Rounds == 1 && b.Asks <= retrieveWarm); err != nil {
				return err
			}
		}
	}
	b.tell(chunks)
	return nil
}

// fill brings the collection to so many passages, which are sealed and have their graphs and words in
// files, and returns how many there are.
func (b *retrieveBench) fill(ctx context.Context) (chunks int, err error) {
	c, err := client.New(client.Options{BaseURL: b.node.URL()})
	if err != nil {
		return 0, err
	}
	if _, err := c.CreateCollection(ctx, v1.CreateCollection{Name: retrieveCollection}); err != nil && lode.CodeOf(err) != lode.CodeConflict {
		return 0, err
	}
	random := rand.New(rand.NewPCG(b.Seed, 1))
	for n := 0; ; n++ {
		info, err := c.GetCollection(ctx, retrieveCollection)
		if err != nil {
			return 0, err
		}
		if chunks = info.Stats.Chunks; chunks >= b.Chunks {
			break
		}
		var files []client.File
		for i := range 50 {
			id := lode.DocID(fmt.Sprintf("text-%d-%d", n, i))
			file := client.FileBytes(id, b.document(random))
			file.MediaType = "text/plain"
			files = append(files, file)
		}
		if _, err := ingest(ctx, c, retrieveCollection, files, func(lode.DocID, *v1.ItemError) {}); err != nil {
			return 0, err
		}
		fmt.Fprintf(b.Log, "%d passages\n", chunks)
	}
	_, err = sealOf(ctx, b.node, retrieveCollection, defaultGraphRows)
	return chunks, err
}

// document writes paragraphs of some hundred words.
func (b *retrieveBench) document(random *rand.Rand) []byte {
	var text strings.Builder
	for words := 0; words < retrieveWords; words += 120 {
		text.Write(b.model.write(nil, random, 120))
		text.WriteString(".\n\n")
	}
	return []byte(text.String())
}

// ask measures one question all ways.
func (b *retrieveBench) ask(ctx context.Context, text string, turn int, counts bool) error {
	me := lode.AllSeeing("bench")
	query := lode.Query{Collection: retrieveCollection, Text: text}
	vectors, err := b.embed.Embed(ctx, embed.Query, []string{text})
	if err != nil {
		return err
	}
	view, err := b.node.Engine().View(ctx, me, retrieveCollection)
	if err != nil {
		return err
	}
	ways := []struct {
		name string
		ask  func() error
	}{
		{"retrieve", func() error { return b.retrieve(ctx, me, query, false) }},
		{"dense", func() error {
			_, err := view.DenseWith(ctx, vectors[0], lode.DenseSearch{K: retrieveDepth})
			return err
		}},
		{"lexical", func() error {
			_, err := view.LexicalWith(ctx, text, lode.LexicalSearch{K: retrieveDepth})
			return err
		}},
		{"explained", func() error { return b.retrieve(ctx, me, query, counts) }},
	}
	for i := range ways {
		way := ways[(turn+i)%len(ways)]
		start := time.Now()
		if err := way.ask(); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		if took := time.Since(start); counts {
			b.took[way.name] = append(b.took[way.name], float64(took.Nanoseconds())/1e6)
		}
	}
	return nil
}

// retrieve asks for an answer; with an explanation the stages' times are noted.
func (b *retrieveBench) retrieve(ctx context.Context, me lode.Principal, q lode.Query, explain bool) error {
	q.Explain = explain
	answer, err := b.node.Retriever().Retrieve(ctx, me, q)
	if err != nil || !explain {
		return err
	}
	of := map[string]float64{} // rows may be read in several stages
	for _, s := range answer.Explanation.Stages {
		of[s.Stage] += float64(s.Nanos) / 1e6
	}
	for stage, took := range of {
		b.stages[stage] = append(b.stages[stage], took)
	}
	return nil
}

func (b *retrieveBench) tell(chunks int) {
	r := b.report
	r.Add("passages", float64(chunks), "")
	at := map[string]float64{}
	for _, way := range []string{"retrieve", "dense", "lexical"} {
		took := slices.Sorted(slices.Values(b.took[way]))
		at[way] = report.Median(took)
		name := map[string]string{"retrieve": "retrieve", "dense": "dense search alone, 100 rows", "lexical": "lexical search alone, 100 rows"}[way]
		r.Add(name+", p50", at[way], "ms")
		r.Add(name+", p99", took[len(took)*99/100], "ms")
	}
	r.Demand("retrieve, p50 over that of the slower search", at["retrieve"]/max(at["dense"], at["lexical"]), "", "<=", retrieveTarget)
	for _, stage := range slices.Sorted(maps.Keys(b.stages)) {
		r.Add("stage "+stage+", p50", report.Median(slices.Sorted(slices.Values(b.stages[stage]))), "ms")
	}
	r.Raw["milliseconds by way"] = b.took
}
