package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/evaluation"
)

// evaluator runs sets against one collection of a node, as its users would ask.
type evaluator struct {
	node       *client.Client
	collection *v1.Collection
	code       string
	documents  []evaluation.Document
}

// evaluate reads what reports say of a collection.
func evaluate(ctx context.Context, node *client.Client, name string, std streams) (*evaluator, error) {
	e := &evaluator{node: node}
	var err error
	if e.collection, err = node.GetCollection(ctx, name); err != nil {
		return nil, err
	}
	info, err := node.GetNode(ctx)
	if err != nil {
		return nil, err
	}
	e.code = strings.TrimSpace(info.Version + " " + info.Commit)
	if pending := e.collection.Stats.Pending; pending > 0 && !std.json {
		fmt.Fprintf(std.err, "%d documents are being processed: what is measured changes meanwhile\n", pending)
	}
	for d, err := range node.Documents(ctx, name, client.DocumentPage{}) {
		if err != nil {
			return nil, err
		}
		if d.CurrentVersion == 0 {
			continue
		}
		document, err := e.shown(ctx, &d)
		if err != nil {
			return nil, err
		}
		e.documents = append(e.documents, document)
	}
	return e, nil
}

// shown describes the version that searches show, which may be older than the one that is listed.
func (e *evaluator) shown(ctx context.Context, d *v1.Document) (evaluation.Document, error) {
	out := evaluation.Document{ID: d.ID, URI: d.URI, Chunks: d.Chunks}
	if d.Version == d.CurrentVersion && d.Silver != nil && d.Bronze != nil {
		out.Silver, out.Bronze = *d.Silver, *d.Bronze
		return out, nil
	}
	gold, err := e.node.GetGold(ctx, e.collection.Name, d.ID)
	if err != nil {
		return out, err
	}
	silver, err := e.node.GetSilver(ctx, e.collection.Name, d.ID)
	if err != nil {
		return out, err
	}
	out.Silver, out.Chunks = silver.Hash, len(gold.Chunks)
	if len(gold.Chunks) > 0 {
		trace, err := e.node.TraceChunk(ctx, e.collection.Name, gold.Chunks[0].ID)
		if err != nil {
			return out, err
		}
		out.Bronze = trace.Bronze.Hash
	}
	return out, nil
}

type runOptions struct {
	parallel int
	tokens   bool
	progress *tally
}

func (e *evaluator) run(ctx context.Context, name string, set *evaluation.Set, request v1.Retrieve, o runOptions) (*evaluation.Report, error) {
	said, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode query: %w", err)
	}
	defer o.progress.finish()
	r := evaluation.Runner{Ask: e.asker(request), Parallel: o.parallel, Progress: o.progress.at}
	if o.tokens {
		r.Texts = e.text
	}
	return r.Run(ctx, setName(name), set, e.documents, e.about(said))
}

func (e *evaluator) asker(request v1.Retrieve) evaluation.Asker {
	return func(ctx context.Context, query string) (evaluation.Answer, error) {
		asked := request
		asked.Text = query
		found, err := e.node.Retrieve(ctx, e.collection.Name, asked)
		if err != nil {
			return evaluation.Answer{}, err
		}
		answer := evaluation.Answer{ContextTokens: found.Context.Tokens, Partial: found.Partial}
		for i := range found.Hits {
			h := &found.Hits[i]
			answer.Hits = append(answer.Hits, passageOf(h.DocumentID, h.URI, h.Bronze, h.Span))
		}
		for i := range found.Context.Citations {
			c := &found.Context.Citations[i]
			spans := c.Parts
			if len(spans) == 0 {
				spans = []v1.Span{c.Span}
			}
			for _, span := range slices.Concat(c.Headers, spans) {
				answer.Context = append(answer.Context, passageOf(c.DocumentID, c.URI, c.Bronze, span))
			}
		}
		return answer, nil
	}
}

func passageOf(id lode.DocID, uri string, bronze *lode.Hash, span v1.Span) evaluation.Passage {
	p := evaluation.Passage{Document: id, URI: uri, Span: lode.Span(span)}
	if bronze != nil {
		p.Bronze = *bronze
	}
	return p
}

func (e *evaluator) text(ctx context.Context, id lode.DocID) (string, error) {
	silver, err := e.node.GetSilver(ctx, e.collection.Name, id)
	if err != nil {
		return "", err
	}
	return silver.Text, nil
}

func (e *evaluator) about(query json.RawMessage) evaluation.About {
	c := e.collection
	about := evaluation.About{Collection: c.Name, Fingerprint: c.Fingerprint, Code: e.code, Query: query, Index: map[string]string{
		"metric": string(c.Metric), "dim": strconv.Itoa(c.Dim), "memory": string(c.Memory),
		"embedder": c.Embedder.Provider + "/" + c.Embedder.Model, "chunker": chunkerName(c.Chunker),
	}}
	if c.Weights != "" {
		about.Index["weights"] = c.Weights
	}
	if r := c.Ranking; r != nil {
		about.Ranking = &lode.Ranking{DenseWeight: r.DenseWeight, Fusion: r.Fusion, Rerank: (*lode.Rerank)(r.Rerank), Recency: (*lode.Recency)(r.Recency), Reason: r.Reason, Features: r.Features}
	}
	return about
}

func chunkerName(c v1.Chunker) string {
	raw, err := json.Marshal(c)
	if err != nil {
		return c.Strategy
	}
	return string(raw)
}
