package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/pipeline"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/retrieval"
	"github.com/lodedb/lode/storage"
)

// The adapters between packages that stand on one floor. Each only translates.

// machine is the collections as the log drives them. Its calls may rightly take long, for
// indexes that are built and snapshots that are read, but not for a disk that hangs.
type machine struct{ s *Server }

var _ raft.StateMachine = machine{}

func (m machine) Apply(entries []raft.Entry) []any {
	defer m.s.disk.during("log entries are applied")()
	m.s.cfg.hold()
	batch := make([]collection.Entry, len(entries))
	for i, e := range entries {
		batch[i] = collection.Entry{Index: e.Index, Term: e.Term, Data: e.Data}
	}
	results := m.s.engine.Apply(batch)
	for i, result := range results {
		if fatal, ok := result.(collection.Fatal); ok {
			results[i] = raft.Fatal{Err: fatal.Err}
		}
	}
	return results
}

func (m machine) Applied() (index, term uint64) { return m.s.engine.Applied() }

func (m machine) Snapshot() (raft.Snapshot, error) {
	size, err := m.s.store.CatalogueBytes()
	if err != nil {
		return nil, err
	}
	unclaim, err := m.s.room.snapshot(size)
	if err != nil {
		return nil, err
	}
	write, release, err := m.s.engine.Snapshot()
	if err != nil {
		unclaim()
		return nil, err
	}
	return cut{m.s.disk, write, func() { release(); unclaim() }}, nil
}

func (m machine) Restore(r io.Reader) error {
	defer m.s.disk.during("a snapshot is restored")()
	return m.s.engine.Restore(r)
}

type cut struct {
	disk    *disk
	write   func(io.Writer) error
	release func()
}

func (c cut) Write(w io.Writer) error {
	defer c.disk.during("a snapshot is written")()
	return c.write(w)
}

func (c cut) Release() { c.release() }

// roomyBlobs are the blobs as long as there is room for them.
type roomyBlobs struct {
	*storage.Blobs
	room *room
}

var _ pipeline.Blobs = roomyBlobs{}

func (b roomyBlobs) Put(ctx context.Context, content []byte) (h lode.Hash, release func(), err error) {
	unclaim, err := b.room.claim(int64(len(content)))
	if err != nil {
		return h, nil, err
	}
	defer unclaim()
	h, release, err = b.Blobs.Put(ctx, content)
	return h, release, noStorage(err)
}

// ingestCollections is the collections as the pipeline asks for them.
type ingestCollections struct{ *collection.Engine }

var _ pipeline.Collections = ingestCollections{}

// Retry answers with the receipt of the job that it starts.
func (c ingestCollections) Retry(ctx context.Context, p lode.Principal, w lode.Write, name string, id lode.DocID) (lode.Receipt, error) {
	job, err := c.Engine.Retry(ctx, p, w, name, id)
	if err != nil {
		return lode.Receipt{}, err
	}
	return lode.Receipt{Doc: job.Doc, ID: id, Version: job.Version, Epoch: job.Epoch, Outcome: lode.OutcomeUpdated}, nil
}

// documents is the collections as the HTTP surface asks for them.
type documents struct {
	*collection.Engine
	pipeline *pipeline.Pipeline
	seal     func(context.Context, lode.Principal, string) (lode.SegmentID, error)
	// rerankers are those that the settings of collections may name.
	rerankers *rerankers
}

var (
	_ api.Collections = documents{}
	_ api.Documents   = documents{}
	_ api.Points      = documents{}
)

func (d documents) Collections(ctx context.Context, p lode.Principal, after string, limit int) ([]lode.Collection, string, error) {
	infos, next, err := d.Engine.Collections(ctx, p, after, limit)
	page := make([]lode.Collection, len(infos))
	for i, info := range infos {
		page[i] = info.Collection
	}
	return page, next, err
}

func (d documents) Documents(ctx context.Context, p lode.Principal, name string, q api.DocumentsQuery) ([]api.DocumentItem, lode.DocNo, error) {
	items, next, err := d.Engine.Documents(ctx, p, name, collection.DocumentsQuery{State: q.State, Filter: q.Filter, After: q.After, Limit: q.Limit})
	page := make([]api.DocumentItem, len(items))
	for i, item := range items {
		page[i] = api.DocumentItem{Document: item.Document, Version: item.Version}
	}
	return page, next, err
}

func (d documents) Patch(ctx context.Context, p lode.Principal, w lode.Write, name string, s api.Selection, patch lode.Patch) (api.Selected, error) {
	done, err := d.Engine.Patch(ctx, p, w, name, collection.Selection(s), patch)
	return api.Selected(done), err
}

func (d documents) DeleteSelected(ctx context.Context, p lode.Principal, w lode.Write, name string, s api.Selection) (api.Selected, error) {
	done, err := d.Engine.DeleteSelected(ctx, p, w, name, collection.Selection(s))
	return api.Selected(done), err
}

// Retry goes through the pipeline, which also runs the job.
func (d documents) Retry(ctx context.Context, p lode.Principal, w lode.Write, name string, id lode.DocID) (lode.Job, error) {
	r, err := d.pipeline.Retry(ctx, p, w, name, id)
	return lode.Job{Doc: r.Doc, Version: r.Version, Epoch: r.Epoch}, err
}

// operations is what the collections know of writes, as the HTTP surface asks for it.
type operations struct{ *collection.Engine }

var _ api.Operations = operations{}

func (o operations) Operation(ctx context.Context, p lode.Principal, id string) (api.Operation, error) {
	op, err := o.Engine.Operation(ctx, p, id)
	if err != nil {
		return api.Operation{}, err
	}
	out := api.Operation{
		ID: op.ID, Kind: op.Kind, State: string(op.State), Collection: op.Collection,
		Parts: op.Parts, Recorded: op.Known, Count: op.Items, AcceptedAt: op.At,
	}
	if !op.Finished.IsZero() {
		out.FinishedAt = &op.Finished
	}
	for _, d := range op.Documents {
		item := v1.OperationItem{
			Index: d.Part, State: string(d.State), ID: d.ID, Outcome: d.Outcome, Version: d.Version, Title: d.Title, Chunks: d.Chunks,
		}
		if d.Err != nil {
			item.Error = v1.NewItemError(d.Err)
			item.Error.Stage = d.Stage
		}
		out.Items = append(out.Items, item)
	}
	for _, f := range op.Failed {
		out.Items = append(out.Items, v1.OperationItem{Index: f.Item, State: v1.OperationFailed, Error: v1.NewItemError(f.Err)})
	}
	return out, nil
}

// openView gives retrieval a consistent view of a collection.
func openView(engine *collection.Engine) func(context.Context, lode.Principal, string, time.Time) (retrieval.View, error) {
	return func(ctx context.Context, p lode.Principal, name string, asOf time.Time) (retrieval.View, error) {
		v, err := engine.ViewAsOf(ctx, p, name, asOf)
		if err != nil {
			return nil, err
		}
		return view{v}, nil
	}
}

// openEarly gives retrieval what answers before a collection is loaded.
func openEarly(engine *collection.Engine) func(context.Context, lode.Principal, string) (retrieval.NearestView, error) {
	return func(ctx context.Context, p lode.Principal, name string) (retrieval.NearestView, error) {
		v, err := engine.EarlyView(ctx, p, name)
		if v == nil || err != nil {
			return nil, err
		}
		return earlyView{v}, nil
	}
}

// earlyView translates the sign that only a whole view can answer.
type earlyView struct{ *collection.EarlyView }

func (v earlyView) DenseWith(ctx context.Context, vector lode.Vector, q lode.DenseSearch) ([]lode.Candidate, error) {
	found, err := v.EarlyView.DenseWith(ctx, vector, q)
	return found, viewGone(err)
}

func (v earlyView) Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error) {
	rows, err := v.EarlyView.Rows(ctx, ids, withVectors)
	return rows, viewGone(err)
}

func (v earlyView) Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error) {
	rows, err := v.EarlyView.Known(ctx, ids)
	return rows, viewGone(err)
}

func viewGone(err error) error {
	if errors.Is(err, collection.ErrViewGone) {
		return retrieval.ErrViewGone
	}
	return err
}

type view struct{ *collection.View }

// Rows translates the sign that a row was replaced while the query ran.
func (v view) Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error) {
	rows, err := v.View.Rows(ctx, ids, withVectors)
	if errors.Is(err, collection.ErrViewGone) {
		return nil, retrieval.ErrViewGone
	}
	return rows, err
}

func (v view) Groups(ctx context.Context, vector lode.Vector, groups, size int, f lode.Filter) ([]retrieval.Grouped, error) {
	found, err := v.View.Groups(ctx, vector, collection.GroupQuery{Groups: groups, Size: size, Filter: f})
	out := make([]retrieval.Grouped, len(found))
	for i, g := range found {
		out[i] = retrieval.Grouped(g)
	}
	return out, err
}

func (v view) Recommend(ctx context.Context, q retrieval.RecommendQuery) ([]lode.Candidate, error) {
	return v.View.Recommend(ctx, collection.RecommendQuery{
		Positive: examples(q.Positive), Negative: examples(q.Negative), Strategy: collection.Strategy(q.Strategy), K: q.K, Filter: q.Filter,
	})
}

func examples(of []retrieval.Example) []collection.Example {
	out := make([]collection.Example, len(of))
	for i, x := range of {
		out[i] = collection.Example{Kind: x.Kind, ID: x.ID, Vector: x.Vector}
	}
	return out
}

func (v view) Scroll(ctx context.Context, q retrieval.ScrollQuery) ([]retrieval.Scrolled, bool, error) {
	found, more, err := v.View.Scroll(ctx, collection.ScrollQuery{
		Filter: q.Filter, Kind: q.Kind, Field: q.Field, Desc: q.Desc, After: (*collection.ScrollPlace)(q.After), Limit: q.Limit,
	})
	out := make([]retrieval.Scrolled, len(found))
	for i, s := range found {
		out[i] = retrieval.Scrolled{Document: s.Document, Rows: s.Rows, Place: retrieval.Place(s.Place)}
	}
	return out, more, err
}

// Known translates likewise.
func (v view) Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error) {
	rows, err := v.View.Known(ctx, ids)
	if errors.Is(err, collection.ErrViewGone) {
		return nil, retrieval.ErrViewGone
	}
	return rows, err
}

// Segments joins what the log says of segments with what searches on this node have of them.
func (d documents) Segments(ctx context.Context, p lode.Principal, name string) ([]api.SegmentInfo, error) {
	all, err := d.Engine.Segments(ctx, p, name)
	if err != nil {
		return nil, err
	}
	use, err := d.SegmentsInUse(p, name)
	infos := make([]api.SegmentInfo, len(all))
	for i, m := range all {
		infos[i] = api.SegmentInfo{
			ID: m.ID, State: m.State.String(), Versions: m.Members, Pending: m.Pending, Bytes: m.Bytes,
			FileBytes: m.FileBytes, Hash: m.Hash, Rows: use[m.ID].Rows, Graph: use[m.ID].Graph, Words: use[m.ID].Words,
		}
	}
	return infos, err
}

// Seal cuts the log too.
func (d documents) Seal(ctx context.Context, p lode.Principal, name string) (lode.SegmentID, error) {
	return d.seal(ctx, p, name)
}
