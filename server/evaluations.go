package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/retrieval"
	"github.com/lodedb/lode/retrieval/evaluation"
)

// evaluations keeps sets and judgements in the collections, and runs sets through the retriever, as
// questions that come over HTTP are run.
type evaluations struct {
	documents
	blobs     roomyBlobs
	retriever *retrieval.Retriever
	options   retrieval.Options // of the retriever
	code      string
	running   *sync.Mutex // held by the run or training that is under way
}

var _ api.Evaluations = evaluations{}

func (e evaluations) PutEvaluation(ctx context.Context, p lode.Principal, w lode.Write, name, set string, questions *evaluation.Set) (v1.EvaluationInfo, error) {
	if _, err := e.Engine.Evaluations(p, name); err != nil {
		return v1.EvaluationInfo{}, err // before anything is stored
	}
	lines, err := questions.Encode()
	if err != nil {
		return v1.EvaluationInfo{}, err
	}
	hash, err := questions.Hash()
	if err != nil {
		return v1.EvaluationInfo{}, err
	}
	blob, release, err := e.blobs.Put(ctx, lines)
	if err != nil {
		return v1.EvaluationInfo{}, err
	}
	defer release()
	put, err := e.Engine.PutEvaluation(ctx, p, w, name, collection.EvaluationSet{
		Name: set, Blob: blob, Size: int64(len(lines)), Hash: hash, Questions: len(questions.Questions), Spans: questions.SpanCount(),
	})
	return evaluationInfo(put), err
}

func evaluationInfo(s collection.EvaluationSet) v1.EvaluationInfo {
	return v1.EvaluationInfo{Name: s.Name, Hash: s.Hash, Questions: s.Questions, Spans: s.Spans, Bytes: s.Size, At: s.At}
}

func (e evaluations) Evaluation(ctx context.Context, p lode.Principal, name, set string) ([]byte, error) {
	info, err := e.Engine.Evaluation(p, name, set)
	if err != nil {
		return nil, err
	}
	return e.blobs.Get(ctx, info.Blob)
}

func (e evaluations) Evaluations(_ context.Context, p lode.Principal, name string) ([]v1.EvaluationInfo, error) {
	sets, err := e.Engine.Evaluations(p, name)
	all := make([]v1.EvaluationInfo, len(sets))
	for i, s := range sets {
		all[i] = evaluationInfo(s)
	}
	return all, err
}

func (e evaluations) DeleteEvaluation(ctx context.Context, p lode.Principal, w lode.Write, name, set string) error {
	return e.Engine.DeleteEvaluation(ctx, p, w, name, set)
}

func (e evaluations) Judge(ctx context.Context, p lode.Principal, w lode.Write, name string, j api.Judgement) (v1.Judged, error) {
	f := collection.Feedback{Query: j.Query, Chunk: j.Chunk, Grade: j.Grade, Answer: j.Answer}
	if c := j.Cited; c != nil {
		f.Document, f.Span = c.DocumentID, lode.Span(c.Span)
		if c.Bronze != nil {
			f.Bronze = *c.Bronze
		}
	}
	kept, err := e.Engine.Judge(ctx, p, w, name, f)
	return v1.Judged{DocumentID: kept.Document, Span: v1.Span(kept.Span), Bronze: kept.Bronze, Grade: kept.Grade, At: kept.At}, err
}

func (e evaluations) Feedback(ctx context.Context, p lode.Principal, name string) (*evaluation.Set, error) {
	var all []evaluation.Judgement
	err := e.Engine.EachFeedback(ctx, p, name, func(f collection.Feedback) error {
		all = append(all, evaluation.Judgement{Query: f.Query, Answer: f.Answer, At: f.At, Span: evaluation.Span{
			Document: f.Document, Bronze: f.Bronze, Start: f.Span.Start, End: f.Span.End, Grade: f.Grade,
		}})
		return nil
	})
	return evaluation.FromFeedback(all), err
}

// RunEvaluation asks one question after another on two tasks: a run is work in the background, and
// leaves the node to its users.
func (e evaluations) RunEvaluation(ctx context.Context, p lode.Principal, set string, q lode.Query, said json.RawMessage) (*evaluation.Report, error) {
	questions, err := e.kept(ctx, p, q.Collection, set)
	if err != nil {
		return nil, err // before anybody is told what the node is doing
	}
	if !e.running.TryLock() {
		return nil, errRunning()
	}
	defer e.running.Unlock()
	about, err := e.about(ctx, p, q.Collection)
	if err != nil {
		return nil, err
	}
	about.Query = said
	documents, err := e.shown(ctx, p, q.Collection)
	if err != nil {
		return nil, err
	}
	r := evaluation.Runner{Ask: e.asker(p, q), Texts: func(ctx context.Context, id lode.DocID) (string, error) {
		silver, _, err := e.Engine.Silver(ctx, p, q.Collection, id)
		if err != nil {
			return "", err
		}
		return silver.Text, nil
	}}
	return r.Run(ctx, set, questions, documents, about)
}

func errRunning() error {
	return lode.Errorf(lode.CodeOverloaded, "an evaluation is being run").WithHint("wait until it is done")
}

// kept reads a set of the collection.
func (e evaluations) kept(ctx context.Context, p lode.Principal, collection, set string) (*evaluation.Set, error) {
	lines, err := e.Evaluation(ctx, p, collection, set)
	if err != nil {
		return nil, err
	}
	questions, err := evaluation.Read(bytes.NewReader(lines))
	if err != nil {
		return nil, fmt.Errorf("read evaluation %s: %w", set, err)
	}
	return questions, nil
}

func (e evaluations) asker(p lode.Principal, q lode.Query) evaluation.Asker {
	return func(ctx context.Context, text string) (evaluation.Answer, error) {
		asked := q
		asked.Text = text
		found, err := e.retriever.Retrieve(ctx, p, asked)
		if err != nil {
			return evaluation.Answer{}, err
		}
		answer := evaluation.Answer{ContextTokens: found.Context.Tokens, Partial: found.Partial}
		for i := range found.Hits {
			answer.Hits = append(answer.Hits, passageOf(&found.Hits[i].Row))
		}
		for _, c := range found.Context.Citations {
			spans := c.Parts
			if len(spans) == 0 {
				spans = []lode.Span{c.Span}
			}
			for _, span := range slices.Concat(c.Headers, spans) {
				answer.Context = append(answer.Context, evaluation.Passage{Document: c.Document, URI: c.URI, Bronze: c.Bronze, Span: span})
			}
		}
		return answer, nil
	}
}

func passageOf(row *lode.Row) evaluation.Passage {
	return evaluation.Passage{Document: row.Document.ID, URI: row.Version.URI, Bronze: row.Version.Blob, Span: row.Chunk.Span}
}

// shown are the documents that the collection shows.
func (e evaluations) shown(ctx context.Context, p lode.Principal, name string) ([]evaluation.Document, error) {
	var all []evaluation.Document
	for after := lode.DocNo(0); ; {
		page, next, err := e.Engine.Documents(ctx, p, name, collection.DocumentsQuery{After: after, Limit: v1.MaxPageLimit})
		if err != nil {
			return nil, err
		}
		for i := range page {
			d, v := &page[i].Document, page[i].Version
			if d.Current == 0 {
				continue
			}
			if v.Version != d.Current {
				if _, v, err = e.Engine.Silver(ctx, p, name, d.ID); lode.IsCode(err, lode.CodeNotFound) {
					continue // deleted meanwhile
				} else if err != nil {
					return nil, err
				}
			}
			all = append(all, evaluation.Document{ID: d.ID, URI: v.URI, Bronze: v.Blob, Silver: v.Silver, Chunks: v.Chunks})
		}
		if next == 0 {
			return all, nil
		}
		after = next
	}
}

func (e evaluations) about(ctx context.Context, p lode.Principal, name string) (evaluation.About, error) {
	c, _, err := e.Engine.Collection(ctx, p, name)
	if err != nil {
		return evaluation.About{}, err
	}
	chunker, err := json.Marshal(c.Chunker)
	if err != nil {
		return evaluation.About{}, fmt.Errorf("encode chunker: %w", err)
	}
	about := evaluation.About{Collection: c.Name, Fingerprint: c.Fingerprint, Ranking: c.Tuning.Ranking, Code: e.code, Index: map[string]string{
		"metric": string(c.Metric), "dim": strconv.Itoa(c.Dim), "memory": string(c.Tuning.Memory),
		"embedder": c.Embedder.Provider + "/" + c.Embedder.Model, "chunker": string(chunker),
	}}
	if c.Embedder.Weights != "" {
		about.Index["weights"] = c.Embedder.Weights
	}
	return about, nil
}

// codeName is how reports call the program.
func codeName(version, commit string) string { return strings.TrimSpace(version + " " + commit) }
