package collection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// spaceGraph is a graph over the vectors that rows of a sealed segment have in a named space. It
// lies in a file of its own, with the vectors; see [spaceFile].
type spaceGraph struct {
	graph    Graph
	name     storage.IndexName
	file     *vfs.Mapping
	parsed   *spaceFile
	verified atomic.Bool
	damaged  atomic.Bool
}

func (g *spaceGraph) Len() int     { return g.graph.Len() }
func (g *spaceGraph) Bytes() int64 { return g.graph.Bytes() + int64(len(g.parsed.vectors)) }

func (g *spaceGraph) Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	return g.search(ctx, query, GraphSearch{K: k, Allow: allow})
}

// search notes a graph that cannot be read: it is left for an exact index, and built anew.
func (g *spaceGraph) search(ctx context.Context, query lode.Vector, o GraphSearch) ([]index.Candidate, error) {
	defer runtime.KeepAlive(g.file)
	found, err := g.graph.Search(ctx, query, o)
	if lode.IsCode(err, lode.CodeCorrupt) {
		g.damaged.Store(true)
	}
	return found, err
}

func (g *spaceGraph) Vector(ordinal uint32) lode.Vector {
	defer runtime.KeepAlive(g.file)
	return g.graph.Vector(ordinal)
}

// verify reads the whole file.
func (g *spaceGraph) verify(ctx context.Context) error {
	defer runtime.KeepAlive(g.file)
	if err := g.parsed.verify(); err != nil {
		return err
	}
	return g.graph.Verify(ctx)
}

// sound reports whether the graph was verified, and nothing was found since.
func (g *spaceGraph) sound() bool { return g.verified.Load() && !g.damaged.Load() }

// spaceIndex names the graph of a space over a sealed file.
func spaceIndex(h lode.Hash, at int) storage.IndexName {
	return storage.IndexName{Hash: h, Space: at + 1}
}

// inSpace are the settings of a collection whose only vectors are those of a space.
func inSpace(settings *lode.Collection, at int) lode.Collection {
	s := *settings
	s.Dim, s.Metric = settings.Vectors[at].Dim, settings.Vectors[at].Metric
	return s
}

// openSpaces returns what a sealed segment has in named spaces: the graphs that were built before,
// and exact indexes of the rest, read from the segment.
func (e *Engine) openSpaces(settings *lode.Collection, rows *storage.SealedRows) ([]*space, error) {
	spaces := make([]*space, len(settings.Vectors))
	var exact []int
	for i, s := range settings.Vectors {
		if s.Sparse {
			continue
		}
		g, err := e.openSpace(settings, i, rows)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				e.options.Logger.Warn("a graph is not used", "collection", settings.Name, "file", spaceIndex(rows.Hash, i).String(), "error", err)
			}
			exact = append(exact, i)
			continue
		}
		spaces[i] = &space{graph: g, rows: g.parsed.rows}
	}
	return spaces, e.exactSpaces(settings, rows, exact, spaces)
}

// allExact reads the vectors of a sealed segment in all dense spaces into exact indexes.
func (e *Engine) allExact(settings *lode.Collection, rows *storage.SealedRows) ([]*space, error) {
	spaces := make([]*space, len(settings.Vectors))
	var dense []int
	for i, s := range settings.Vectors {
		if !s.Sparse {
			dense = append(dense, i)
		}
	}
	return spaces, e.exactSpaces(settings, rows, dense, spaces)
}

// exactSpaces reads the vectors of a sealed segment in some dense spaces into exact indexes.
func (e *Engine) exactSpaces(settings *lode.Collection, rows *storage.SealedRows, which []int, into []*space) error {
	if len(which) == 0 {
		return nil
	}
	return rows.Named(context.Background(), func(row int, staged *lode.StagedChunk) error {
		o, err := othersOf(settings.Vectors, staged)
		if err != nil {
			return err
		}
		for _, i := range which {
			v, s := o.denseAt(i), settings.Vectors[i]
			if v == nil {
				continue
			}
			if into[i] == nil {
				into[i] = &space{flat: e.options.NewDense(s.Dim, s.Metric)}
			}
			if err := into[i].add(v, uint32(row)); err != nil {
				return fmt.Errorf("vector space %q: %w", s.Name, err)
			}
		}
		return nil
	})
}

// openSpace opens the graph of a space that was built before; a missing one is [fs.ErrNotExist].
func (e *Engine) openSpace(settings *lode.Collection, at int, rows *storage.SealedRows) (*spaceGraph, error) {
	name := spaceIndex(rows.Hash, at)
	file, err := e.store.MapIndex(name)
	if err != nil {
		return nil, err
	}
	s := inSpace(settings, at)
	parsed, err := parseSpaceFile(file.Bytes(), s.Dim, rows.Rows)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	graph, err := e.options.Graphs.Open(s, parsed.graph, parsed.vectors)
	if err == nil && graph.Len() != len(parsed.rows) {
		err = lode.Errorf(lode.CodeCorrupt, "the graph has %d rows, its file %d", graph.Len(), len(parsed.rows))
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &spaceGraph{graph: graph, name: name, file: file, parsed: parsed}, nil
}

// buildSpaces builds the graphs that spaces of sealed segments lack, and verifies those that are
// not known to be sound. Segments without a graph of their own have too few rows.
func (e *Engine) buildSpaces(ctx context.Context, c *collection) (built int, err error) {
	var errs []error
	for _, p := range c.published.Load().parts {
		if p.graph == nil {
			continue
		}
		for i := range p.spaces {
			in := p.space(i)
			switch {
			case ctx.Err() != nil:
				return built, errors.Join(errs...)
			case in == nil || in.graph == nil && len(in.rows) < e.options.GraphRows:
			case in.graph == nil:
				err := e.buildSpace(ctx, c, p.graph, i, in)
				if errs = append(errs, err); err == nil {
					built++
				}
			case !in.graph.sound():
				errs = append(errs, e.lookAtSpace(ctx, c, p.graph, i, in.graph))
			}
		}
	}
	return built, errors.Join(errs...)
}

// buildSpace builds the graph of a space and puts it in the place of the exact index.
func (e *Engine) buildSpace(ctx context.Context, c *collection, of *graphPart, at int, in *spaceView) error {
	if err := e.writeSpace(ctx, c, of, at, in); err != nil {
		return fmt.Errorf("space %q of segment %d: %w", c.settings.Vectors[at].Name, of.segment, err)
	}
	g, err := e.openSpace(&c.settings, at, of.rows)
	if err != nil {
		return err
	}
	return e.replaceSpace(c, of, at, &space{graph: g, rows: g.parsed.rows})
}

// writeSpace builds the graph of a space from the vectors of its exact index, if there is room.
func (e *Engine) writeSpace(ctx context.Context, c *collection, of *graphPart, at int, in *spaceView) error {
	e.building.graphs.Lock()
	defer e.building.graphs.Unlock()
	settings := inSpace(&c.settings, at)
	release, err := e.options.Room(int64((2*4*settings.Dim + maxLinkBytes) * len(in.rows)))
	if err != nil {
		return err
	}
	defer release()
	vectors := make([]byte, 0, 4*settings.Dim*len(in.rows))
	for i := range in.rows {
		vectors = lode.AppendVector(vectors, in.vectors.Vector(uint32(i)))
	}
	write, err := e.options.Graphs.Build(ctx, settings, vectors)
	if err != nil {
		return err
	}
	return e.store.PutIndex(spaceIndex(of.rows.Hash, at), func(w io.Writer) error {
		return writeSpaceFile(w, settings.Dim, in.rows, vectors, write)
	})
}

// replaceSpace publishes another index of a space with the same rows.
func (e *Engine) replaceSpace(c *collection, of *graphPart, at int, by *space) error {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	p := c.segment.part(of.segment)
	if e.catalog.Load().byID[c.settings.ID] != c || p == nil || p.graph != of {
		return nil
	}
	p.spaces = slices.Clone(p.spaces)
	p.spaces[at] = by
	of.residence.Store(unknownResidence)
	return c.publish()
}

// lookAtSpace is [Engine.look] for the graph of a space.
func (e *Engine) lookAtSpace(ctx context.Context, c *collection, of *graphPart, at int, g *spaceGraph) error {
	err := g.verify(ctx)
	if err == nil {
		g.verified.Store(true)
		g.damaged.Store(false)
		return nil
	}
	if !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	e.options.Logger.Error("a graph is damaged and will be built anew", "collection", c.settings.Name, "file", g.name.String(), "error", err)
	exact := make([]*space, len(c.settings.Vectors))
	if err := e.exactSpaces(&c.settings, of.rows, []int{at}, exact); err != nil {
		return err
	}
	return errors.Join(e.store.DropIndex(g.name), e.replaceSpace(c, of, at, exact[at]))
}
