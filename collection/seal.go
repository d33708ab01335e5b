package collection

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// DefaultSealBytes is how much a segment grows before it is sealed.
const DefaultSealBytes = 64 << 20

// Segment is a segment of a collection, with whether the log has fixed what is in it.
type Segment = storage.Segment

// Segments returns the segments of a collection, oldest first.
func (e *Engine) Segments(ctx context.Context, p lode.Principal, name string) ([]Segment, error) {
	c, err := e.open(p, name)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []Segment
	err = e.store.View(func(tx *storage.Tx) error {
		if err := e.present(tx, c); err != nil {
			return err
		}
		all, err = tx.Segments(c.settings.ID)
		return err
	})
	return all, err
}

// SegmentUse is what searches on this node have of a segment.
type SegmentUse struct {
	Rows  int   // that they see
	Graph int64 // bytes of its graph, 0 where there is none
	Words int64 // bytes of the file of its words, likewise
}

// SegmentsInUse are the segments of a collection that searches see now.
func (e *Engine) SegmentsInUse(p lode.Principal, name string) (map[lode.SegmentID]SegmentUse, error) {
	c, err := e.open(p, name)
	if err != nil {
		return nil, err
	}
	use := map[lode.SegmentID]SegmentUse{}
	for _, part := range c.published.Load().parts {
		u := SegmentUse{Rows: part.live.Count()}
		if part.graph != nil {
			u.Graph = part.graph.Bytes()
		}
		u.Words = part.words.file.size()
		use[part.segment] = u
	}
	return use, nil
}

// Seal closes the growing segment of a collection, whatever its size, and returns when it is
// sealed: 0 when it holds nothing. Documents that are being staged are waited for as long as
// ctx lasts; the segment is sealed later then.
func (e *Engine) Seal(ctx context.Context, p lode.Principal, name string) (lode.SegmentID, error) {
	c, err := e.open(p, name)
	if err != nil {
		return 0, err
	}
	if _, err := e.sealClosed(ctx, c.settings.ID); err != nil {
		return 0, err
	}
	id, err := propose[lode.SegmentID](ctx, e, &sealSegment{Collection: c.settings.ID})
	if err != nil || id == 0 {
		return id, err
	}
	_, err = e.sealClosed(ctx, c.settings.ID)
	return id, err
}

// SealDue closes the segments that have grown enough, builds those that are closed, and
// returns how many it built. Only one node of a cluster, its leader, needs to call it; doing
// the same twice does no harm.
func (e *Engine) SealDue(ctx context.Context) (sealed int, err error) {
	var errs []error
	for _, c := range e.catalog.Load().byID {
		n, err := e.sealDue(ctx, c.settings.ID)
		if sealed += n; err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			errs = append(errs, fmt.Errorf("seal collection %s: %w", c.settings.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return sealed, errors.Join(errs...)
}

func (e *Engine) sealDue(ctx context.Context, c lode.CollectionID) (sealed int, err error) {
	all, err := e.segmentsOf(c)
	if err != nil {
		return 0, err
	}
	full, sealing := e.unsealed(all)
	switch {
	case sealing == nil && full == nil:
		return 0, nil
	case sealing == nil:
		if _, err := propose[lode.SegmentID](ctx, e, &sealSegment{Collection: c}); err != nil {
			return 0, err
		}
	}
	return e.sealClosed(ctx, c)
}

func (e *Engine) segmentsOf(c lode.CollectionID) (all []Segment, err error) {
	err = e.store.View(func(tx *storage.Tx) error {
		all, err = tx.Segments(c)
		return err
	})
	return all, err
}

// sealClosed builds the closed segments of a collection and tells the log.
func (e *Engine) sealClosed(ctx context.Context, c lode.CollectionID) (sealed int, err error) {
	all, err := e.segmentsOf(c)
	if err != nil {
		return 0, err
	}
	return e.buildEach(ctx, c, all, storage.SegmentSealing)
}

// buildEach builds the closed segments in a state.
func (e *Engine) buildEach(ctx context.Context, c lode.CollectionID, all []Segment, in storage.SegmentState) (built int, err error) {
	turn := &e.building.seals
	if in == storage.SegmentMerging {
		turn = &e.building.merges
	}
	for i := range all {
		if s := &all[i]; s.State == in && s.Closed() {
			if err := e.build(ctx, c, s.ID, turn); err != nil {
				return built, err
			}
			built++
		}
	}
	return built, nil
}

func (e *Engine) build(ctx context.Context, c lode.CollectionID, id lode.SegmentID, turn *sync.Mutex) error {
	turn.Lock()
	defer turn.Unlock()
	built, release, err := e.store.BuildSegment(ctx, c, id)
	if lode.IsCode(err, lode.CodeConflict) || lode.IsCode(err, lode.CodeNotFound) {
		return nil // somebody was faster, or it is gone
	}
	if err != nil {
		return err
	}
	_, err = propose[done](ctx, e, &sealedSegment{Collection: c, Segment: id, Hash: built.Hash, Bytes: built.Bytes})
	switch {
	case err == nil, lode.IsCode(err, lode.CodeNotFound):
		release()
		e.options.Logger.Info("segment sealed", "collection", c, "segment", id, "rows", built.Rows, "bytes", built.Bytes)
		return nil
	case lode.IsCode(err, lode.CodeOutcomeUnknown):
		return err // the entry may still come: the file must stay until the next start
	}
	release()
	return err
}

// sealSegment closes the growing segment of a collection.
func (b *batch) sealSegment(c *sealSegment) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	id, err := b.tx.Seal(c.Collection)
	if lode.IsCode(err, lode.CodeConflict) {
		return coded(err), nil
	}
	return id, err
}

// sealedSegment says in which file a segment lies from now on.
func (b *batch) sealedSegment(c *sealedSegment) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	err = b.tx.PutSealed(c.Collection, c.Segment, c.Hash, c.Bytes)
	if lode.IsCode(err, lode.CodeConflict) || lode.IsCode(err, lode.CodeNotFound) {
		return coded(err), nil
	}
	b.effects = append(b.effects, func(w *world) error {
		sealed := w.catalog.byID[c.Collection]
		sealed.ungraphed.Store(true)
		sealed.unworded.Store(true)
		return nil
	})
	return done{}, err
}
