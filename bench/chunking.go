package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/server"
)

// chunkingSizes are the largest chunks that are measured, in tokens.
var chunkingSizes = []int{200, 400, 800}

// chunkingHits is how many chunks the first protocol retrieves.
const chunkingHits = 5

// chunkingBudgets are the budgets of contexts, in tokens with all that is not of a document.
var chunkingBudgets = [...]int{400, 1500}

// What the default strategy should reach.
const (
	chunkingRecall = 0.85
	chunkingIoU    = 0.15
)

// Chunking ingests texts with every strategy at three sizes, asks questions of which the
// answers are known to the character, by hybrid retrieval with the defaults of a new
// collection, and measures how much of the answers the retrieved chunks hold, and how much
// else: token recall, precision and IoU, means over the questions. There are three protocols:
// five chunks for each question; as many as hold a part of its answer; and the context that is
// assembled within a budget, which compares large and small chunks at equal cost.
func Chunking(ctx context.Context, o Options) (*Report, error) {
	set, err := readChunking(o.Data)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(o.Data)
	r := NewReport("chunking", "Chunking strategies", o)
	if !set.targets {
		r.Name, r.Title = "chunking-"+name, "Chunking strategies: "+name
	}
	r.Table = &Table{Columns: []string{"strategy", "max tokens", "chunks", "mean tokens",
		"recall, 5 chunks", "precision", "IoU",
		"chunks that hold the answer", "recall, so many chunks", "precision", "IoU", "IoU of those that hold it",
		"recall, context of 400", "IoU", "recall, context of 1500", "IoU"}}
	r.Data = fmt.Sprintf("%s, %d texts, %d questions", name, len(set.texts), len(set.questions))
	return r, withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
		for _, config := range chunkingConfigs() {
			m, err := set.measure(ctx, c, config)
			if err != nil {
				return fmt.Errorf("%s at %d tokens: %w", config.Strategy, config.MaxTokens, err)
			}
			fmt.Fprintf(o.Log, "%s %d: %d chunks, five %.4f %.4f %.4f, minimum %.4f %.4f %.4f\n", config.Strategy, config.MaxTokens, m.chunks,
				m.five.recall, m.five.precision, m.five.iou, m.minimum.recall, m.minimum.precision, m.minimum.iou)
			set.report(r, &m, config)
		}
		return nil
	})
}

// chunkingConfigs are what is measured: each strategy with its own budget and with that budget
// scaled to each size; fixed windows without overlap and with a quarter. The whole strategy
// would answer every question, with all else that the text says.
func chunkingConfigs() []lode.ChunkerConfig {
	var out []lode.ChunkerConfig
	for _, strategy := range lode.ChunkStrategies() {
		if strategy == lode.ChunkWhole {
			continue
		}
		own := lode.ChunkerConfig{Strategy: strategy}
		own.EnsureDefaults()
		if !slices.Contains(chunkingSizes, own.MaxTokens) {
			out = append(out, own)
		}
		for _, size := range chunkingSizes {
			config := lode.ChunkerConfig{Strategy: strategy, MaxTokens: size}
			config.EnsureDefaults()
			out = append(out, config)
			if strategy == lode.ChunkFixed {
				config.Overlap = size / 4
				out = append(out, config)
			}
		}
	}
	return out
}

// chunkingMeans are what one way of chunking reached.
type chunkingMeans struct {
	chunks        int
	tokens        float64 // of a chunk
	five, minimum overlapMeans
	least         float64      // chunks that hold a part of the answer
	best          overlapMeans // of exactly those: what no retrieval can surpass
	contexts      [len(chunkingBudgets)]overlapMeans
}

type overlapMeans struct{ recall, precision, iou float64 }

func (m *overlapMeans) add(o beir.Overlap, share float64) {
	m.recall += share * o.Recall()
	m.precision += share * o.Precision()
	m.iou += share * o.IoU()
}

// measure chunks the texts into a collection of their own and asks every question.
func (set *chunkingSet) measure(ctx context.Context, c *client.Client, config lode.ChunkerConfig) (m chunkingMeans, err error) {
	name := fmt.Sprintf("%s-%d-%d", config.Strategy, config.MaxTokens, config.Overlap)
	chunks, err := set.ingest(ctx, c, name, config)
	if err != nil {
		return m, err
	}
	for _, chunk := range chunks {
		m.tokens += float64(chunk.tokens) / float64(len(chunks))
	}
	m.chunks = len(chunks)
	share := 1 / float64(len(set.questions))
	for _, q := range set.questions {
		right := holding(chunks, q)
		least := len(right)
		k := max(chunkingHits, least)
		answer, err := c.Retrieve(ctx, name, v1.Retrieve{Text: q.text, K: &k})
		if err != nil {
			return m, err
		}
		found := make([]measuredChunk, len(answer.Hits))
		for i, hit := range answer.Hits {
			found[i] = chunks[hit.ChunkID]
		}
		m.five.add(set.overlap(q, found[:min(chunkingHits, len(found))]), share)
		m.minimum.add(set.overlap(q, found[:min(least, len(found))]), share)
		m.best.add(set.overlap(q, right), share)
		m.least += share * float64(least)
		for i, budget := range chunkingBudgets {
			shown, err := set.shown(ctx, c, name, q, budget)
			if err != nil {
				return m, err
			}
			m.contexts[i].add(set.overlap(q, shown), share)
		}
	}
	return m, nil
}

// shown returns what a context within a budget shows for a question.
func (set *chunkingSet) shown(ctx context.Context, c *client.Client, name string, q chunkingQuestion, budget int) ([]measuredChunk, error) {
	answer, err := c.Retrieve(ctx, name, v1.Retrieve{Text: q.text, BudgetTokens: &budget})
	if err != nil {
		return nil, err
	}
	var out []measuredChunk
	for _, citation := range answer.Context.Citations {
		spans := citation.Parts
		if len(spans) == 0 {
			spans = []v1.Span{citation.Span}
		}
		for _, s := range slices.Concat(citation.Headers, spans) {
			span, ok := set.texts[citation.DocumentID].source.BronzeSpan(lode.Span(s))
			if !ok {
				return nil, lode.Errorf(lode.CodeInternal, "citation of %s has no source", citation.ChunkID)
			}
			out = append(out, measuredChunk{of: citation.DocumentID, span: span})
		}
	}
	return out, nil
}

// measuredChunk is a chunk and where it lies in the bytes of its text.
type measuredChunk struct {
	of     lode.DocID
	span   lode.Span
	tokens int
}

// ingest makes a collection of the texts and returns its chunks. The texts are plain whatever
// their names say: a transcript, a list of chats in Python's notation, and WikiText.
func (set *chunkingSet) ingest(ctx context.Context, c *client.Client, name string, config lode.ChunkerConfig) (map[lode.ChunkID]measuredChunk, error) {
	request := v1.Chunker(config)
	if _, err := c.CreateCollection(ctx, v1.CreateCollection{Name: name, Chunker: &request}); err != nil {
		return nil, err
	}
	var files []client.File
	for id, text := range set.texts {
		file := client.FileBytes(id, []byte(text.content))
		file.MediaType = "text/plain"
		files = append(files, file)
	}
	var refused error
	ready, err := ingest(ctx, c, name, files, func(id lode.DocID, e *v1.ItemError) {
		refused = fmt.Errorf("document %s: %s: %s", id, e.Code, e.Detail)
	})
	if err != nil {
		return nil, err
	}
	if ready != len(files) {
		return nil, fmt.Errorf("%d of %d documents are searchable: %w", ready, len(files), refused)
	}
	chunks := map[lode.ChunkID]measuredChunk{}
	for id := range set.texts {
		if err := set.addChunks(ctx, c, name, id, chunks); err != nil {
			return nil, err
		}
	}
	return chunks, nil
}

// addChunks adds the chunks of a document. References are in the bytes as received: parsing
// takes white space at line ends away.
func (set *chunkingSet) addChunks(ctx context.Context, c *client.Client, name string, id lode.DocID, chunks map[lode.ChunkID]measuredChunk) error {
	silver, err := c.GetSilver(ctx, name, id)
	if err != nil {
		return err
	}
	source := lode.SilverText{}
	for _, run := range silver.SourceMap {
		source.Runs = append(source.Runs, lode.SourceRun{Silver: lode.Span(run.Silver), Bronze: lode.Span(run.Bronze)})
		if run.Kind != "exact" {
			return lode.Errorf(lode.CodeInternal, "the text of %s was decoded: places would not compare", id)
		}
	}
	set.texts[id].source = source
	gold, err := c.GetGold(ctx, name, id)
	if err != nil {
		return err
	}
	for _, chunk := range gold.Chunks {
		span, ok := source.BronzeSpan(lode.Span(chunk.Span))
		if !ok {
			return lode.Errorf(lode.CodeInternal, "chunk %s of %s has no source", chunk.ID, id)
		}
		chunks[chunk.ID] = measuredChunk{of: id, span: span, tokens: chunk.Tokens}
	}
	return nil
}

// holding returns the chunks that hold a part of an answer.
func holding(chunks map[lode.ChunkID]measuredChunk, q chunkingQuestion) (out []measuredChunk) {
	for _, chunk := range chunks {
		if chunk.of == q.of && slices.ContainsFunc(q.gold, chunk.span.Overlaps) {
			out = append(out, chunk)
		}
	}
	return out
}

// overlap compares chunks with an answer. Those of other texts count as retrieved.
func (set *chunkingSet) overlap(q chunkingQuestion, chunks []measuredChunk) (out beir.Overlap) {
	retrieved := map[lode.DocID][]lode.Span{}
	for _, chunk := range chunks {
		retrieved[chunk.of] = append(retrieved[chunk.of], chunk.span)
	}
	for id, text := range set.texts {
		var gold []lode.Span
		if id == q.of {
			gold = q.gold
		}
		one := beir.TokenOverlap(text.tokens, retrieved[id], gold)
		out.Retrieved += one.Retrieved
		out.Relevant += one.Relevant
		out.Both += one.Both
	}
	return out
}

// report writes a row of the table, and what is demanded of the default.
func (set *chunkingSet) report(r *Report, m *chunkingMeans, config lode.ChunkerConfig) {
	strategy := config.Strategy
	if config.Overlap > 0 {
		strategy += fmt.Sprintf(", overlap %d", config.Overlap)
	}
	r.Table.Add(strategy, config.MaxTokens, m.chunks, m.tokens,
		m.five.recall, m.five.precision, m.five.iou, m.least, m.minimum.recall, m.minimum.precision, m.minimum.iou, m.best.iou,
		m.contexts[0].recall, m.contexts[0].iou, m.contexts[1].recall, m.contexts[1].iou)
	if config != lode.DefaultChunker {
		return
	}
	demand := r.Demand
	if !set.targets {
		demand = func(name string, value float64, unit, _ string, _ float64) { r.Add(name, value, unit) }
	}
	demand("default, as many chunks as hold the answer: recall", m.minimum.recall, "", ">=", chunkingRecall)
	demand("default, as many chunks as hold the answer: IoU", m.minimum.iou, "", ">=", chunkingIoU)
	r.Add("default, exactly the chunks that hold the answer: IoU, which no retrieval surpasses", m.best.iou, "")
	demand("default, five chunks: recall", m.five.recall, "", ">=", chunkingRecall)
	demand("default, five chunks: IoU", m.five.iou, "", ">=", chunkingIoU)
}
