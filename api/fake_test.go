package api_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/evaluation"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fake is a backend in memory with one collection, "docs", of two dimensions under
// cosine, with a space "title" of three under dot and a sparse one, "words". It has the rules of the real one as far as the surface depends on them.
type fake struct {
	mu      sync.Mutex
	docs    []*fakeDoc
	points  map[lode.DocID]lode.Point
	queries []lode.Query
	nearest []lode.Nearest
	sparse  []api.SparseQuery
	levels  []string

	selections []api.Selection
	scrolls    []api.ScrollQuery
	groups     []api.GroupsQuery
	recommends []api.RecommendQuery
	asOf       time.Time // of the latest question
	embeds     []api.EmbedQuery
	cleared    int

	sets      map[string]*evaluation.Set
	trained   []api.Training
	judged    []api.Judgement
	evaluated []lode.Query

	writes int
	named  []lode.Write // the writes that came with a key, in order
	known  map[string]api.Operation

	waiting      chan struct{} // when set, Wait blocks until it is closed
	submitErr    error
	retrieve     func(context.Context, lode.Query) (*lode.Result, error)
	whyNot       []lode.WhyNotQuery
	reasons      []api.Reason
	restrictions []api.Reason
	breaches     int
}

type fakeDoc struct {
	document lode.Document
	version  lode.DocVersion
	content  []byte
}

var docsCollection = lode.Collection{
	ID: 1, Name: "docs", Metric: lode.Cosine, Dim: 2, Embedder: lode.EmbedderConfig{Provider: "none", Dim: 2},
	Chunker: lode.DefaultChunker, CreatedAt: epoch, Fingerprint: "fp",
	Vectors: []lode.VectorSpace{{Name: "title", Dim: 3, Metric: lode.Dot}, {Name: "words", Sparse: true}},
}

func newFake() *fake { return &fake{points: map[lode.DocID]lode.Point{}} }

func (f *fake) backend() api.Backend {
	return api.Backend{Collections: f, Documents: f, Ingest: f, Points: f, Retrieval: f, Contents: f, Embedding: f, Node: f, Operations: f, Evaluations: f}
}

func known(p lode.Principal, collection string) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if collection != "docs" {
		return lode.NotFound("collection", collection)
	}
	return nil
}

func (f *fake) CreateCollection(_ context.Context, p lode.Principal, w lode.Write, c lode.Collection, idfFrom string) (lode.Collection, error) {
	f.note(w)
	c.EnsureDefaults()
	if err := errors.Join(p.Validate(), c.Validate()); err != nil {
		return c, err
	}
	if c.Name == "docs" {
		return c, lode.FieldError(lode.CodeConflict, "collection", c.Name, "collection exists already")
	}
	if idfFrom != "" && idfFrom != "docs" {
		return c, lode.Invalid("idf_from", idfFrom, "there is no such collection")
	}
	f.write()
	c.CreatedAt, c.Embedder.Weights = epoch, idfFrom
	return c, nil
}

func (f *fake) write() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
}

func (f *fake) Collection(_ context.Context, p lode.Principal, name string) (lode.Collection, lode.CollectionStats, error) {
	return docsCollection, lode.CollectionStats{Documents: len(f.docs)}, known(p, name)
}

func (f *fake) Collections(_ context.Context, _ lode.Principal, after string, limit int) ([]lode.Collection, string, error) {
	names := []string{"a", "b", "docs"}
	var page []lode.Collection
	for _, name := range names {
		if name <= after {
			continue
		}
		if len(page) == limit {
			return page, page[len(page)-1].Name, nil
		}
		c := docsCollection
		c.Name = name
		page = append(page, c)
	}
	return page, "", nil
}

func (f *fake) Tune(_ context.Context, p lode.Principal, w lode.Write, name string, change lode.TuningChange) (lode.Collection, error) {
	f.note(w)
	changed := docsCollection
	tuning, err := change.Apply(changed.Tuning, time.Now())
	if err := errors.Join(known(p, name), err); err != nil {
		return changed, err
	}
	f.write()
	changed.Tuning = tuning
	return changed, nil
}

func (f *fake) DeleteCollection(_ context.Context, p lode.Principal, w lode.Write, name string) error {
	f.note(w)
	if err := known(p, name); err != nil {
		return err
	}
	f.write()
	return nil
}

func (f *fake) Segments(_ context.Context, p lode.Principal, name string) ([]api.SegmentInfo, error) {
	return []api.SegmentInfo{{ID: 1, State: "sealed", Versions: 3, FileBytes: 9, Hash: lode.Hash{1}, Rows: 7, Graph: 5}, {ID: 2, State: "growing"}}, known(p, name)
}

func (f *fake) Seal(_ context.Context, p lode.Principal, name string) (lode.SegmentID, error) {
	f.write()
	return 2, known(p, name)
}

func (f *fake) find(id lode.DocID) *fakeDoc {
	i := slices.IndexFunc(f.docs, func(d *fakeDoc) bool { return d.document.ID == id })
	if i < 0 {
		return nil
	}
	return f.docs[i]
}

func (f *fake) get(p lode.Principal, collection string, id lode.DocID) (*fakeDoc, error) {
	if err := known(p, collection); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.find(id)
	if d == nil {
		return nil, lode.NotFound("document", id)
	}
	return d, nil
}

func (f *fake) Document(_ context.Context, p lode.Principal, collection string, _ lode.Kind, id lode.DocID) (lode.Document, lode.DocVersion, error) {
	d, err := f.get(p, collection, id)
	if err != nil {
		return lode.Document{}, lode.DocVersion{}, err
	}
	return d.document, d.version, nil
}

func (f *fake) Documents(_ context.Context, p lode.Principal, collection string, q api.DocumentsQuery) ([]api.DocumentItem, lode.DocNo, error) {
	if err := known(p, collection); err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var page []api.DocumentItem
	for _, d := range f.docs {
		if d.document.No <= q.After || q.State != "" && d.version.State != q.State || !q.Filter.Match(&d.document) {
			continue
		}
		if len(page) == q.Limit {
			return page, page[len(page)-1].Document.No, nil
		}
		page = append(page, api.DocumentItem{Document: d.document, Version: d.version})
	}
	return page, 0, nil
}

func (f *fake) DeleteDocuments(_ context.Context, p lode.Principal, w lode.Write, collection string, kind lode.Kind, targets []lode.Target) ([]error, error) {
	f.note(w)
	if err := known(p, collection); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := make([]error, len(targets))
	for i, target := range targets {
		id := target.ID
		_, isPoint := f.points[id]
		switch {
		case kind == lode.KindVector && isPoint:
			delete(f.points, id)
			f.writes++
		case kind == lode.KindDocument && f.find(id) != nil:
			f.docs = slices.DeleteFunc(f.docs, func(d *fakeDoc) bool { return d.document.ID == id })
			f.writes++
		default:
			errs[i] = lode.NotFound("document", id)
		}
	}
	return errs, nil
}

func (f *fake) Silver(_ context.Context, p lode.Principal, collection string, id lode.DocID) (*lode.SilverText, lode.DocVersion, error) {
	d, err := f.get(p, collection, id)
	if err != nil {
		return nil, lode.DocVersion{}, err
	}
	span := lode.Span{End: len(d.content)}
	return &lode.SilverText{
		Text: string(d.content), Sections: []lode.Section{{Kind: lode.SectionParagraph, Span: span}},
		Runs: []lode.SourceRun{{Silver: span, Bronze: span}},
	}, d.version, nil
}

func (d *fakeDoc) chunk() lode.Chunk {
	return lode.Chunk{
		ID:   lode.ChunkID{Doc: d.document.No, Version: d.version.Version},
		Text: string(d.content), Span: lode.Span{End: len(d.content)}, Path: []string{"Guide"}, Tokens: 3,
	}
}

func (f *fake) Chunks(_ context.Context, p lode.Principal, collection string, id lode.DocID) ([]lode.Chunk, lode.DocVersion, error) {
	d, err := f.get(p, collection, id)
	if err != nil {
		return nil, lode.DocVersion{}, err
	}
	return []lode.Chunk{d.chunk()}, d.version, nil
}

func (f *fake) Retry(_ context.Context, p lode.Principal, w lode.Write, collection string, id lode.DocID) (lode.Job, error) {
	f.note(w)
	d, err := f.get(p, collection, id)
	if err != nil {
		return lode.Job{}, err
	}
	if d.version.State != lode.StateQuarantined {
		return lode.Job{}, lode.FieldError(lode.CodeConflict, "document", id, "document is not in quarantine")
	}
	return lode.Job{Version: d.version.Version, Epoch: 2}, nil
}

// Submit refuses content that begins with "boom", and puts "bad" into quarantine.
func (f *fake) Submit(ctx context.Context, p lode.Principal, s lode.Submission) (lode.Receipt, error) {
	f.note(s.Write)
	if err := errors.Join(ctx.Err(), p.Validate(), s.Validate(), f.submitErr); err != nil {
		return lode.Receipt{}, err
	}
	if err := known(p, s.Collection); err != nil {
		return lode.Receipt{}, err
	}
	if bytes.HasPrefix(s.Content, []byte("boom")) {
		return lode.Receipt{}, errors.New("disk is on fire")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	if s.ID == "" {
		s.ID = lode.DocID(s.URI)
	}
	if s.ID == "" {
		s.ID = lode.DocID(lode.HashOf(s.Content).String())
	}
	return f.storeLocked(s), nil
}

func (f *fake) storeLocked(s lode.Submission) lode.Receipt {
	hash, outcome := lode.HashOf(s.Content), lode.OutcomeUpdated
	d := f.find(s.ID)
	switch {
	case d == nil:
		d = &fakeDoc{document: lode.Document{No: lode.DocNo(len(f.docs) + 1), Kind: lode.KindDocument, ID: s.ID, CreatedAt: epoch}}
		f.docs = append(f.docs, d)
		outcome = lode.OutcomeCreated
	case d.version.Blob == hash:
		return lode.Receipt{Doc: d.document.No, ID: s.ID, Version: d.version.Version, Outcome: lode.OutcomeUnchanged}
	}
	d.content = s.Content
	d.document.Metadata, d.document.Readers, d.document.ExpiresAt, d.document.UpdatedAt = s.Metadata, s.Readers, s.ExpiresAt, epoch
	d.document.Newest++
	d.version = lode.DocVersion{
		Doc: d.document.No, Version: d.document.Newest, State: lode.StateReady, Blob: hash, Size: int64(len(s.Content)), URI: s.URI,
		MediaType: s.MediaType, ReceivedAt: epoch, Title: s.Name, Silver: hash, Gold: hash, Chunks: 1, UpdatedAt: epoch,
	}
	if d.version.MediaType == "" {
		d.version.MediaType = "text/plain; charset=utf-8"
	}
	d.document.Current = d.document.Newest
	if bytes.HasPrefix(s.Content, []byte("bad")) {
		d.version.State = lode.StateQuarantined
		d.version.Failure = &lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed, Reason: "not a document", At: epoch}
	}
	return lode.Receipt{Doc: d.document.No, ID: s.ID, Version: d.version.Version, Outcome: outcome}
}

func (f *fake) Wait(ctx context.Context, p lode.Principal, collection string, r lode.Receipt) (lode.DocVersion, error) {
	if f.waiting != nil {
		select {
		case <-f.waiting:
		case <-ctx.Done():
			return lode.DocVersion{}, ctx.Err()
		}
	}
	d, err := f.get(p, collection, r.ID)
	if err != nil {
		return lode.DocVersion{}, err
	}
	return d.version, nil
}

func (f *fake) Bronze(_ context.Context, p lode.Principal, collection string, id lode.DocID) ([]byte, lode.DocVersion, error) {
	d, err := f.get(p, collection, id)
	if err != nil {
		return nil, lode.DocVersion{}, err
	}
	return d.content, d.version, nil
}

func (f *fake) Trace(_ context.Context, p lode.Principal, collection string, chunk lode.ChunkID, asOf time.Time) (lode.Trace, error) {
	f.asOf = asOf
	if err := known(p, collection); err != nil {
		return lode.Trace{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.docs {
		if c := d.chunk(); c.ID == chunk {
			return lode.Trace{
				Collection: collection, Document: d.document, Version: d.version, Chunk: c, Bronze: c.Span,
				Runs:   []lode.Run{{Stage: lode.StageParse, Start: epoch, Duration: time.Millisecond}},
				Checks: []lode.TraceCheck{{Name: "bronze hash", OK: true}},
			}, nil
		}
	}
	return lode.Trace{}, lode.NotFound("chunk", chunk)
}

func (f *fake) Quote(ctx context.Context, p lode.Principal, collection string, cited []lode.Cited, asOf time.Time) ([]lode.Quotation, error) {
	if err := known(p, collection); err != nil {
		return nil, err
	}
	out := make([]lode.Quotation, len(cited))
	for i, c := range cited {
		trace, err := f.Trace(ctx, p, collection, c.Chunk, asOf)
		if err != nil {
			out[i].Reason = "there is no such passage"
			continue
		}
		out[i] = lode.Quotation{Found: true, Kind: lode.KindDocument, Verified: trace.Verified(), Text: trace.Chunk.Text}
		if len(c.Spans) > 0 {
			out[i].Text = ""
		}
		for _, s := range c.Spans {
			out[i].Text += trace.Chunk.Text[s.Start:s.End] + "\n"
		}
	}
	return out, nil
}

func (f *fake) PutPoints(_ context.Context, p lode.Principal, w lode.Write, collection string, points []lode.Point) ([]lode.Version, []error, error) {
	f.note(w)
	if err := known(p, collection); err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := make([]error, len(points))
	for i, point := range points {
		if errs[i] = point.ID.Validate(); errs[i] == nil {
			errs[i] = point.Vector.ValidateFor(2, lode.Cosine)
		}
		if named := point.Named(); errs[i] == nil {
			errs[i] = named.ValidateFor(&docsCollection)
		}
		if errs[i] == nil {
			f.points[point.ID] = point
			f.writes++
		}
	}
	return make([]lode.Version, len(points)), errs, nil
}

// note remembers a write with a key.
func (f *fake) note(w lode.Write) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.Key != "" {
		f.named = append(f.named, w)
	}
}

func (f *fake) OperationID(p lode.Principal, key string) (string, error) {
	return "op-" + p.ID + "-" + key, p.Validate()
}

func (f *fake) Operation(_ context.Context, _ lode.Principal, id string) (api.Operation, error) {
	op, ok := f.known[id]
	if !ok {
		return op, lode.NotFound("operation", id)
	}
	return op, nil
}

func (f *fake) Point(_ context.Context, p lode.Principal, collection string, id lode.DocID) (lode.Point, error) {
	if err := known(p, collection); err != nil {
		return lode.Point{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	point, ok := f.points[id]
	if !ok {
		return point, lode.NotFound("vector", id)
	}
	return point, nil
}

// Retrieve finds documents that hold the text, and every point that the filter passes.
func (f *fake) Retrieve(ctx context.Context, p lode.Principal, q lode.Query) (*lode.Result, error) {
	q.EnsureDefaults()
	for _, name := range append(q.Collections, q.Collection)[:max(1, len(q.Collections))] {
		if err := errors.Join(q.Validate(), known(p, name)); err != nil {
			return nil, err
		}
	}
	if q.Vector != nil {
		if err := q.Vector.ValidateFor(2, lode.Cosine); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	f.queries, f.asOf = append(f.queries, q), q.AsOf
	f.mu.Unlock()
	if f.retrieve != nil {
		return f.retrieve(ctx, q)
	}
	return f.answer(q), nil
}

// WhyNot says that everything ranks behind k.
func (f *fake) WhyNot(_ context.Context, p lode.Principal, q lode.WhyNotQuery) (*lode.WhyNot, error) {
	if err := known(p, q.Query.Collection); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whyNot = append(f.whyNot, q)
	return &lode.WhyNot{Chunk: &lode.ChunkID{Doc: 1, Version: 2, Ordinal: 3}, Reasons: []lode.Reason{{
		Stage: lode.ReasonRank, Detail: "it ranks 37", Values: map[string]float64{"rank": 37}, Remedy: "raise k to 37", Change: &lode.Change{Field: "k", Value: 37},
	}}}, nil
}

func (f *fake) Nearest(ctx context.Context, p lode.Principal, n lode.Nearest) ([][]lode.Hit, error) {
	n.EnsureDefaults()
	dim, metric, err := spaceOf(n.Using, false)
	if err := errors.Join(n.Validate(), known(p, n.Collection), err); err != nil {
		return nil, err
	}
	if err := n.ValidateFor(dim, metric); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.nearest, f.asOf = append(f.nearest, n), n.AsOf
	f.mu.Unlock()
	var found [][]lode.Hit
	for _, v := range n.Vectors {
		q := lode.Query{Collection: n.Collection, Vector: v, K: n.K, Filter: n.Filter, Mode: lode.ModeDense}
		if f.retrieve == nil {
			found = append(found, f.answer(q).Hits)
			continue
		}
		result, err := f.retrieve(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, result.Hits)
	}
	return found, nil
}

// spaceOf is the space of a search of a kind.
func spaceOf(using string, sparse bool) (dim int, metric lode.Metric, err error) {
	if using == "" && !sparse {
		return docsCollection.Dim, docsCollection.Metric, nil
	}
	at, ok := docsCollection.Space(using)
	if !ok || docsCollection.Vectors[at].Sparse != sparse {
		return 0, "", lode.Invalid("using", using, "no such space")
	}
	return docsCollection.Vectors[at].Dim, docsCollection.Vectors[at].Metric, nil
}

// Sparse finds every point that the filter passes.
func (f *fake) Sparse(_ context.Context, p lode.Principal, q api.SparseQuery) ([]lode.Hit, error) {
	_, _, err := spaceOf(q.Using, true)
	if err := errors.Join(known(p, q.Collection), err); err != nil {
		return nil, err
	}
	if err := q.Vector.Validate(); err != nil {
		var e *lode.Error
		errors.As(err, &e)
		return nil, e.In("sparse")
	}
	f.mu.Lock()
	f.sparse, f.asOf = append(f.sparse, q), q.AsOf
	f.mu.Unlock()
	return f.answer(lode.Query{Vector: lode.Vector{1, 0}, K: q.K, Filter: q.Filter}).Hits, nil
}

func (f *fake) answer(q lode.Query) *lode.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	result := &lode.Result{Mode: q.Mode, DenseWeight: 0.2, WeightReason: "placeholder embedder"}
	for _, d := range f.docs {
		if q.Text != "" && strings.Contains(string(d.content), q.Text) && q.Filter.Match(&d.document) && len(result.Hits) < q.K {
			score := 1.5
			result.Hits = append(result.Hits, lode.Hit{Score: 0.9, Lexical: &score, Row: lode.Row{Document: &d.document, Version: &d.version, Chunk: d.chunk()}})
			result.Context.Citations = append(result.Context.Citations, lode.Citation{Number: 1, Document: d.document.ID, Bronze: d.version.Blob})
		}
	}
	for id, point := range f.points {
		if q.Vector != nil && q.Filter.Match(&lode.Document{Metadata: point.Metadata}) && len(result.Hits) < q.K {
			doc := &lode.Document{ID: id, Kind: lode.KindVector, Metadata: point.Metadata}
			result.Hits = append(result.Hits, lode.Hit{Score: 1, Row: lode.Row{Document: doc, Vector: point.Vector, Vectors: point.Vectors, Sparse: point.Sparse}})
		}
	}
	return result
}

func (f *fake) Ready(context.Context) []api.Reason { return f.reasons }

func (f *fake) Barrier(_ context.Context, level string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.levels = append(f.levels, level)
	return nil
}

func (f *fake) Check(_ context.Context, report func(where, what string)) error {
	for range f.breaches {
		report("blob", "checksum differs")
	}
	return nil
}

func (f *fake) Info() api.Info { return api.Info{NodeID: "n1", Version: "v0", StartedAt: epoch} }

// handler serves the fake.
func handler(t testing.TB, f *fake, change ...func(*api.Options)) http.Handler {
	t.Helper()
	o := api.Options{Backend: f.backend()}
	for _, c := range change {
		c(&o)
	}
	h, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// serve starts a server on the fake and returns a client of it.
func serve(t testing.TB, f *fake, change ...func(*api.Options)) (*client.Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler(t, f, change...))
	server.Config = api.NewServer(server.Config.Handler, nil)
	server.Start()
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{BaseURL: server.URL, HTTPClient: server.Client(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}
