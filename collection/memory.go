package collection

import (
	"errors"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// residence is how files are held under a mode.
func residence(m lode.MemoryMode) vfs.Residence {
	switch m {
	case lode.MemoryPinned:
		return vfs.Pinned
	case lode.MemoryCold:
		return vfs.Cold
	}
	return vfs.Cached
}

// warm builds the payload indexes that the collection wants ahead. What is built costs next to
// nothing.
func (e *Engine) warm(c *collection) {
	fields := c.tuning.Load().Indexes
	if len(fields) == 0 {
		return
	}
	for _, p := range c.published.Load().parts {
		for _, b := range p.blocks {
			b.Warm(fields...)
		}
	}
}

// keepInMemory holds the files of sealed segments as the collection wants it. What is wanted
// already costs nothing, but for cold files: those are given back again and again.
func (e *Engine) keepInMemory(c *collection) {
	want := residence(c.tuning.Load().Memory)
	for _, p := range c.published.Load().parts {
		e.keepWords(c, &p, want)
		if p.graph == nil {
			continue // its vectors lie in the heap
		}
		if was := vfs.Residence(p.graph.residence.Load()); was == want && want != vfs.Cold {
			continue
		}
		p.graph.residence.Store(uint32(want))
		if err := errors.Join(p.graph.rows.Keep(want), p.graph.file.Keep(want), p.keepSpaces(want)); err != nil {
			e.warnUnpinned(c, p.segment, err)
		}
	}
}

// keepWords holds the file of the words of a part, if there is one.
func (e *Engine) keepWords(c *collection, p *partView, want vfs.Residence) {
	f := p.words.file
	if f == nil || vfs.Residence(f.residence.Load()) == want && want != vfs.Cold {
		return
	}
	f.residence.Store(uint32(want))
	if err := f.file.Keep(want); err != nil {
		e.warnUnpinned(c, p.segment, err)
	}
}

func (e *Engine) warnUnpinned(c *collection, id lode.SegmentID, err error) {
	e.options.Logger.Warn("a segment is not pinned in memory; the system may drop parts of it", "collection", c.settings.Name, "segment", id,
		"error", err, "hint", "let the process lock memory: ulimit -l, or LimitMEMLOCK of its service")
}

// unknownResidence is no vfs.Residence: how the files are held must be said anew.
const unknownResidence = ^uint32(0)

// keepSpaces holds the files of graphs of named spaces.
func (p *partView) keepSpaces(want vfs.Residence) error {
	var errs []error
	for i := range p.spaces {
		if g := p.spaces[i].graph; g != nil {
			errs = append(errs, g.file.Keep(want))
		}
	}
	return errors.Join(errs...)
}
