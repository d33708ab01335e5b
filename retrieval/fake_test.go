package retrieval_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/retrieval"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dim = 2

var anyone = lode.AllSeeing("test")

// fakeView answers with scores that a test lays down, and fails where it is told to.
type fakeView struct {
	mu         sync.Mutex
	collection lode.Collection
	dense      []lode.Candidate
	exact      []lode.Candidate // what dense should be; nil: dense is right
	ef         int              // from this breadth on, and exactly, exact is found
	lexical    []lode.Candidate
	bound      float64
	rows       map[lode.RowID]lode.Row
	fail       map[string]error // by method
	calls      map[string]int
	asked      struct {
		vector   lode.Vector
		text     string
		depth    []int
		filters  []lode.Filter
		examples []retrieval.RecommendQuery
	}
	sparse []retrieval.SparseQuery
	using  []string
	block  chan struct{} // Lexical waits for it or for its context
}

var _ retrieval.View = (*fakeView)(nil)

func newView() *fakeView {
	return &fakeView{
		collection: lode.Collection{ID: 1, Name: "docs", Metric: lode.Cosine, Dim: dim, Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "m", Dim: dim}},
		rows:       map[lode.RowID]lode.Row{},
		fail:       map[string]error{},
		calls:      map[string]int{},
	}
}

func (v *fakeView) called(method string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls[method]++
	return v.fail[method]
}

func (v *fakeView) Collection() lode.Collection { return v.collection }

func (v *fakeView) DenseWith(_ context.Context, q lode.Vector, s lode.DenseSearch) ([]lode.Candidate, error) {
	k, f := s.K, s.Filter
	if err := v.called("Dense"); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked.vector, v.asked.filters = q, append(v.asked.filters, f)
	v.asked.depth = append(v.asked.depth, k)
	v.using = append(v.using, s.Using)
	if v.exact != nil && (s.Exact || v.ef > 0 && s.Ef >= v.ef) {
		return v.exact[:min(k, len(v.exact))], nil
	}
	return v.dense[:min(k, len(v.dense))], nil
}

// Sparse answers with dense.
func (v *fakeView) Sparse(_ context.Context, space string, q lode.SparseVector, k int, f lode.Filter) ([]lode.Candidate, error) {
	if err := v.called("Sparse"); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sparse = append(v.sparse, retrieval.SparseQuery{Using: space, Vector: q, K: k, Filter: f})
	return v.dense[:min(k, len(v.dense))], nil
}

func (v *fakeView) LexicalWith(ctx context.Context, text string, s lode.LexicalSearch) ([]lode.Candidate, error) {
	k, f := s.K, s.Filter
	if err := v.called("Lexical"); err != nil {
		return nil, err
	}
	if v.block != nil {
		select {
		case <-v.block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked.text, v.asked.filters = text, append(v.asked.filters, f)
	v.asked.depth = append(v.asked.depth, k)
	return v.lexical[:min(k, len(v.lexical))], nil
}

// Groups makes a group of every row in dense.
func (v *fakeView) Groups(_ context.Context, q lode.Vector, groups, size int, f lode.Filter) ([]retrieval.Grouped, error) {
	if err := v.called("Groups"); err != nil {
		return nil, err
	}
	v.asked.vector, v.asked.filters, v.asked.depth = q, append(v.asked.filters, f), append(v.asked.depth, groups, size)
	var out []retrieval.Grouped
	for _, c := range v.dense[:min(groups, len(v.dense))] {
		out = append(out, retrieval.Grouped{Document: v.rows[c.Row].Document, Rows: []lode.Candidate{c}})
	}
	return out, nil
}

func (v *fakeView) Recommend(_ context.Context, q retrieval.RecommendQuery) ([]lode.Candidate, error) {
	if err := v.called("Recommend"); err != nil {
		return nil, err
	}
	v.asked.examples = append(v.asked.examples, q)
	return v.dense[:min(q.K, len(v.dense))], nil
}

// Scroll walks the rows in dense.
func (v *fakeView) Scroll(_ context.Context, q retrieval.ScrollQuery) (page []retrieval.Scrolled, more bool, err error) {
	if err := v.called("Scroll"); err != nil {
		return nil, false, err
	}
	for _, c := range v.dense {
		if q.After != nil && c.Row <= q.After.Row {
			continue
		}
		if len(page) == q.Limit {
			return page, true, nil
		}
		page = append(page, retrieval.Scrolled{Document: v.rows[c.Row].Document, Rows: 1, Place: retrieval.Place{Row: c.Row}})
	}
	return page, false, nil
}

func (v *fakeView) LexicalBound(string, lode.WordSyntax) float64 { return v.bound }

// LexicalExplain says that the first word gave all of the score.
func (v *fakeView) LexicalExplain(_ context.Context, text string, _ lode.WordSyntax, row lode.RowID) ([]lode.TermContribution, error) {
	if err := v.called("LexicalExplain"); err != nil {
		return nil, err
	}
	for _, c := range v.lexical {
		if c.Row == row {
			return []lode.TermContribution{{Term: strings.Fields(text)[0], Score: c.Score}}, nil
		}
	}
	return nil, nil
}

// Highlight finds the whole text where it stands.
func (v *fakeView) Highlight(text string, _ lode.WordSyntax, passage, _ string) []lode.Span {
	if i := strings.Index(passage, text); i >= 0 {
		return []lode.Span{{Start: i, End: i + len(text)}}
	}
	return nil
}

func (v *fakeView) Suggest(_ context.Context, text string, _ int) ([]lode.Suggestion, error) {
	if err := v.called("Suggest"); err != nil {
		return nil, err
	}
	return []lode.Suggestion{{Word: text, Instead: text + "s", Rows: 4}}, nil
}

func (v *fakeView) Received(_ context.Context, ids []lode.RowID) ([]time.Time, error) {
	if err := v.called("Received"); err != nil {
		return nil, err
	}
	out := make([]time.Time, len(ids))
	for i, id := range ids {
		out[i] = v.rows[id].Version.ReceivedAt
	}
	return out, nil
}

func (v *fakeView) Rows(_ context.Context, ids []lode.RowID, _ bool) ([]lode.Row, error) {
	if err := v.called("Rows"); err != nil {
		return nil, err
	}
	var rows []lode.Row
	for _, id := range slices.Backward(ids) { // any order will do
		if row, ok := v.rows[id]; ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (v *fakeView) Known(_ context.Context, ids []lode.RowID) ([]lode.Row, error) {
	if err := v.called("Known"); err != nil {
		return nil, err
	}
	var rows []lode.Row
	for _, id := range ids {
		if row, ok := v.rows[id]; ok {
			rows = append(rows, lode.Row{ID: id, Document: row.Document, Chunk: lode.Chunk{ID: row.Chunk.ID}})
		}
	}
	return rows, nil
}

// Standing shows every row's document; one of which a reader is missing does not exist.
func (v *fakeView) Standing(_ context.Context, kind lode.Kind, id lode.DocID, no lode.DocNo) (*retrieval.Standing, error) {
	if err := v.called("Standing"); err != nil {
		return nil, err
	}
	for _, row := range v.rows {
		if row.Document.ID == id && id != "" || row.Document.No == no {
			version := *row.Version
			version.FirstRow, version.Chunks = row.ID-lode.RowID(row.Chunk.ID.Ordinal), max(1, version.Chunks)
			doc := *row.Document
			doc.Current = version.Version
			return &retrieval.Standing{Document: &doc, Newest: &version, Current: &version}, nil
		}
	}
	return nil, lode.NotFound("document", id)
}

// DenseRanks looks rows up in all, or else in dense.
func (v *fakeView) DenseRanks(_ context.Context, _ lode.Vector, _ lode.Filter, rows []lode.RowID) ([]retrieval.DenseRank, error) {
	out := make([]retrieval.DenseRank, len(rows))
	for i, id := range rows {
		for at, c := range append(v.exact, v.dense...) {
			if c.Row == id && out[i].Rank == 0 {
				out[i] = retrieval.DenseRank{Score: c.Score, Rank: at + 1}
			}
		}
	}
	return out, v.called("DenseRanks")
}

// add makes a row with that text, in a document of its own.
func (v *fakeView) add(id lode.RowID, text string) {
	v.rows[id] = row(id, text)
}

func row(id lode.RowID, text string) lode.Row {
	doc := lode.DocNo(id)
	return lode.Row{
		ID:       id,
		Document: &lode.Document{No: doc, ID: lode.DocID("doc-" + string(rune('a'+id%26)))},
		Version:  &lode.DocVersion{Doc: doc, Version: 1, URI: "https://example.org/a", Title: "Title", Blob: lode.HashOf([]byte(text))},
		Chunk: lode.Chunk{
			ID: lode.ChunkID{Doc: doc, Version: 1}, Text: text, Tokens: countWords(text),
			Span: lode.Span{Start: 10, End: 10 + len(text)}, Path: []string{"Title", "Part"}, Page: 3,
		},
	}
}

// candidates makes rows 1, 2, … with these scores.
func (v *fakeView) candidates(pairs ...float64) []lode.Candidate {
	var out []lode.Candidate
	for i := 0; i < len(pairs); i += 2 {
		id := lode.RowID(pairs[i])
		if _, ok := v.rows[id]; !ok {
			v.add(id, "text of row "+strings.Repeat("x", int(id%50)))
		}
		out = append(out, lode.Candidate{Row: id, Score: pairs[i+1]})
	}
	return out
}

// fakeEmbedder answers with a fixed vector.
type fakeEmbedder struct {
	static bool
	vector lode.Vector
	err    error
	mu     sync.Mutex
	calls  int
}

func (e *fakeEmbedder) Fingerprint() string { return "fake/1" }
func (e *fakeEmbedder) Dim() int            { return dim }
func (e *fakeEmbedder) Static() bool        { return e.static }
func (e *fakeEmbedder) Embed(_ context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if e.err != nil {
		return nil, e.err
	}
	if kind != embed.Query {
		return nil, lode.Errorf(lode.CodeInternal, "a query was embedded as a document")
	}
	return []lode.Vector{e.vector}, nil
}

func retriever(v *fakeView, e *fakeEmbedder) *retrieval.Retriever {
	return retrieval.New(options(v, e))
}

func options(v *fakeView, e *fakeEmbedder) retrieval.Options {
	return retrieval.Options{
		View: func(context.Context, lode.Principal, string, time.Time) (retrieval.View, error) {
			return v, v.called("View")
		},
		EmbedderFor: func(lode.Collection) (embed.Embedder, error) {
			if err := v.called("EmbedderFor"); err != nil {
				return nil, err
			}
			return e, nil
		},
		Count:     countWords,
		Tokenizer: "words",
	}
}

func countWords(s string) int { return len(strings.Fields(s)) }

func wantCode(t *testing.T, err error, code lode.Code) {
	t.Helper()
	if lode.CodeOf(err) != code {
		t.Fatalf("got error %v with code %q, want %q", err, lode.CodeOf(err), code)
	}
}
