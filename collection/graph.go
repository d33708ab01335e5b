package collection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// DefaultGraphRows is how many rows a sealed segment must have to get a graph. Fewer are
// compared one by one, which takes no longer.
const DefaultGraphRows = 4096

// Graphs makes and opens the graphs of sealed segments.
type Graphs interface {
	// Build makes the graph of rows: their vectors as little-endian float32, one behind the
	// other, under cosine of unit length or not. write writes it as Open reads it.
	Build(ctx context.Context, settings lode.Collection, vectors []byte) (write func(io.Writer) error, err error)
	// Open searches in place what Build wrote for the same vectors. Both stay as they are
	// while the graph is used. What cannot be read, or is of another version, is
	// [lode.CodeCorrupt].
	Open(settings lode.Collection, data, vectors []byte) (Graph, error)
}

// Graph is an index that does not change; see [index.Dense]. A page of memory that cannot be
// read is [lode.CodeCorrupt].
type Graph interface {
	Len() int
	Search(ctx context.Context, query lode.Vector, o GraphSearch) ([]index.Candidate, error)
	Vector(ordinal uint32) lode.Vector
	Bytes() int64
	// Verify compares everything with its checksum.
	Verify(ctx context.Context) error
}

// GraphSearch says how a graph is searched.
type GraphSearch struct {
	K     int
	Allow *index.Bitset // nil: all
	Ef    int           // 0: the default of the graph
	Exact bool
	// Explain, if given, receives all but Segment, Rows and Allowed.
	Explain *lode.SegmentExplanation
}

// graphPart is a graph over the mapped file of a sealed segment. It keeps both mapped.
type graphPart struct {
	graph    Graph
	segment  lode.SegmentID
	rows     *storage.SealedRows
	file     *vfs.Mapping // of the graph
	spaces   []*space     // the rows' vectors in named spaces
	verified atomic.Bool
	damaged  atomic.Bool
	// residence is how both files are held in memory, a vfs.Residence.
	residence atomic.Uint32
}

func (g *graphPart) Len() int     { return g.graph.Len() }
func (g *graphPart) Bytes() int64 { return g.graph.Bytes() }

func (g *graphPart) Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	return g.search(ctx, query, GraphSearch{K: k, Allow: allow})
}

// search never returns a row whose vector is not as it was written: damage is the answer then.
func (g *graphPart) search(ctx context.Context, query lode.Vector, o GraphSearch) ([]index.Candidate, error) {
	defer g.keep()
	found, err := g.graph.Search(ctx, query, o)
	for i := range found {
		if err := g.rows.Check(int(found[i].Ordinal)); err != nil {
			return nil, err
		}
	}
	return found, err
}

func (g *graphPart) Vector(ordinal uint32) lode.Vector {
	defer g.keep()
	return g.graph.Vector(ordinal)
}

// verify reads the graph and the vectors below it from one end to the other.
func (g *graphPart) verify(ctx context.Context) error {
	defer g.keep()
	if err := g.graph.Verify(ctx); err != nil {
		return err
	}
	return verifyRows(ctx, g.rows)
}

// verifyRows reads the vectors of a sealed segment; a page that cannot be read is damage.
func verifyRows(ctx context.Context, rows *storage.SealedRows) (err error) {
	if fault := distance.Guard(func() { err = rows.Verify(ctx) }); fault != nil {
		return lode.Errorf(lode.CodeCorrupt, "verify vectors: %w", fault)
	}
	return err
}

// sound reports whether the graph was verified, and nothing was found since.
func (g *graphPart) sound() bool { return g.verified.Load() && !g.damaged.Load() }

func (g *graphPart) keep() {
	runtime.KeepAlive(g.rows)
	runtime.KeepAlive(g.file)
}

// openGraph opens the graph of a sealed segment that was built before; a missing one is
// [fs.ErrNotExist].
func (e *Engine) openGraph(settings *lode.Collection, id lode.SegmentID, rows *storage.SealedRows) (*graphPart, error) {
	file, err := e.store.MapIndex(storage.IndexName{Hash: rows.Hash})
	if err != nil {
		return nil, err
	}
	graph, err := e.options.Graphs.Open(*settings, file.Bytes(), rows.Vectors())
	if err == nil && graph.Len() != rows.Rows {
		err = lode.Errorf(lode.CodeCorrupt, "the graph has %d rows, the segment %d", graph.Len(), rows.Rows)
	}
	if err != nil {
		return nil, fmt.Errorf("open graph of segment %d: %w", id, err)
	}
	spaces, err := e.openSpaces(settings, rows)
	if err != nil {
		return nil, err
	}
	return &graphPart{graph: graph, segment: id, rows: rows, file: file, spaces: spaces}, nil
}

// BuildGraphs builds the graphs that sealed segments of this node lack, and verifies those
// that a start has found. Every node calls it now and then, beside everything else; searches
// are exact where a graph is missing. It returns how many it built.
func (e *Engine) BuildGraphs(ctx context.Context) (built int, err error) {
	if e.options.Graphs == nil {
		return 0, nil
	}
	var errs []error
	for _, c := range e.catalog.Load().byID {
		n, err := e.graphsOf(ctx, c)
		if built += n; err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			errs = append(errs, fmt.Errorf("graphs of collection %s: %w", c.settings.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return built, errors.Join(errs...)
}

// graphsOf does for a collection, once it is loaded, what BuildGraphs does for all.
func (e *Engine) graphsOf(ctx context.Context, c *collection) (built int, err error) {
	if err := c.await(ctx); err != nil {
		return 0, err
	}
	e.keepInMemory(c)
	e.warm(c)
	var errs []error
	for _, build := range []func(context.Context, *collection) (int, error){e.buildGraphs, e.buildSpaces} {
		n, err := build(ctx, c)
		built += n
		errs = append(errs, err)
	}
	return built, errors.Join(errs...)
}

func (e *Engine) buildGraphs(ctx context.Context, c *collection) (built int, err error) {
	parts, known := map[lode.SegmentID]partView{}, map[lode.SegmentID]bool{}
	for _, p := range c.published.Load().parts {
		known[p.segment] = true
		if p.graph == nil && len(p.rows) >= e.options.GraphRows || p.graph != nil && (!p.graph.sound() || p.graph.rows.Replaced()) {
			parts[p.segment] = p
		}
	}
	if len(parts) == 0 && !c.ungraphed.Load() {
		return 0, nil // as nearly always: storage need not be asked
	}
	c.ungraphed.Store(false)
	all, err := e.segmentsOf(c.settings.ID)
	if err != nil {
		return 0, err
	}
	var errs []error
	for i := range all {
		if all[i].State != storage.SegmentSealed || ctx.Err() != nil {
			continue
		}
		p, due := parts[all[i].ID]
		switch {
		case due && p.graph != nil && !p.graph.rows.Replaced():
			errs = append(errs, e.look(ctx, c, p.graph))
		case due || !known[all[i].ID]: // grown enough, or merged
			done, err := e.buildGraph(ctx, c, &all[i], !known[all[i].ID])
			if done {
				built++
			}
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil || ctx.Err() != nil {
		c.ungraphed.Store(true)
		return built, err
	}
	return built, nil
}

// buildGraph opens or builds the graph of a sealed segment and gives it to searches. A merged one
// comes with its words, as it takes the place of several parts that have some each, and without a
// graph where it has too few rows for one: else the parts, and what they map, would stay.
func (e *Engine) buildGraph(ctx context.Context, c *collection, s *Segment, merged bool) (built bool, err error) {
	rows, err := e.mapSealed(c, s.ID)
	if rows == nil {
		return false, err
	}
	small, of := rows.Rows < e.options.GraphRows, fileIndexes{segment: s.ID, rows: rows}
	if small && (!merged || rows.Rows == 0) {
		return false, nil
	}
	if merged {
		if of.words, _, err = e.ensureWords(ctx, c, s.ID, rows); err != nil {
			return false, err
		}
		if err := of.words.forgetDead(c.published.Load()); err != nil {
			return false, errors.Join(err, e.store.DropIndex(of.words.name))
		}
	}
	if small {
		err = e.exactIndexes(ctx, c, &of)
	} else {
		built, err = e.ensureGraph(ctx, c, &of)
	}
	if err != nil {
		return false, err
	}
	return built, e.adopt(c, &of)
}

// mapSealed maps the rows of a segment that was sealed a moment ago; nil when it is merged or gone
// meanwhile.
func (e *Engine) mapSealed(c *collection, id lode.SegmentID) (*storage.SealedRows, error) {
	rows, err := e.store.MapSealed(c.settings.ID, id)
	if lode.IsCode(err, lode.CodeConflict) || lode.IsCode(err, lode.CodeNotFound) {
		return nil, nil
	}
	return rows, err
}

// exactIndexes reads the vectors of a file into exact indexes.
func (e *Engine) exactIndexes(ctx context.Context, c *collection, of *fileIndexes) (err error) {
	if of.flat, err = c.segment.exact(ctx, of.rows); err != nil {
		return fmt.Errorf("segment %d: %w", of.segment, err)
	}
	of.spaces, err = e.allExact(&c.settings, of.rows)
	return err
}

// ensureGraph opens the graph of a file, which it builds where there is none.
func (e *Engine) ensureGraph(ctx context.Context, c *collection, of *fileIndexes) (built bool, err error) {
	e.building.graphs.Lock() // before it is looked for: somebody else may be building it
	defer e.building.graphs.Unlock()
	if of.graph, err = e.openGraph(&c.settings, of.segment, of.rows); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			e.options.Logger.Warn("a graph is built anew", "collection", c.settings.Name, "segment", of.segment, "error", err)
		}
		if err := e.writeGraph(ctx, c, of.rows); err != nil {
			return false, err
		}
		if of.graph, err = e.openGraph(&c.settings, of.segment, of.rows); err != nil {
			return false, err
		}
		built = true
	}
	of.spaces = of.graph.spaces
	return built, nil
}

// writeGraph builds a graph of vectors that were checked, if there is room for it.
func (e *Engine) writeGraph(ctx context.Context, c *collection, rows *storage.SealedRows) error {
	defer runtime.KeepAlive(rows)
	release, err := e.options.Room(int64(len(rows.Vectors()) + maxLinkBytes*rows.Rows))
	if err != nil {
		return err
	}
	defer release()
	if err := verifyRows(ctx, rows); err != nil {
		return err
	}
	write, err := e.options.Graphs.Build(ctx, c.settings, rows.Vectors())
	if err != nil {
		return err
	}
	return e.store.PutIndex(storage.IndexName{Hash: rows.Hash}, write)
}

// maxLinkBytes is more than a graph takes for a row beside its vector.
const maxLinkBytes = 256

// adopt publishes indexes over a sealed file in the place of those that its rows had.
func (e *Engine) adopt(c *collection, of *fileIndexes) error {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	if e.catalog.Load().byID[c.settings.ID] != c {
		return nil // gone meanwhile
	}
	if err := c.segment.adopt(of); err != nil {
		return err
	}
	return c.publish()
}

// look verifies a graph that is new or was found unreadable, and puts the exact index in its place when it is damaged: the
// next call builds another.
func (e *Engine) look(ctx context.Context, c *collection, g *graphPart) error {
	err := g.verify(ctx)
	if err == nil {
		g.verified.Store(true)
		g.damaged.Store(false) // a page that could not be read is there again
		return nil
	}
	if !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	e.options.Logger.Error("a graph is damaged and will be built anew", "collection", c.settings.Name, "segment", g.segment, "error", err)
	return errors.Join(e.store.DropIndex(storage.IndexName{Hash: g.rows.Hash}), e.demote(c, g))
}

// demote gives the rows of a graph back to an exact index, from the vectors of the file.
func (e *Engine) demote(c *collection, g *graphPart) error {
	defer g.keep()
	of := fileIndexes{segment: g.segment, rows: g.rows}
	if err := e.exactIndexes(context.Background(), c, &of); err != nil {
		return err // there is nothing to search: the answer to queries is the damage
	}
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	p := c.segment.part(g.segment)
	if e.catalog.Load().byID[c.settings.ID] != c || p == nil || p.graph != g {
		return nil
	}
	p.vectors, p.flat, p.graph, p.spaces = of.flat, of.flat, nil, of.spaces
	return c.publish()
}
