package collection

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// MergeDue begins and ends the merges of sealed segments that are due, one at a time in each
// collection, and returns how many ended. Only one node of a cluster, its leader, needs to call it;
// doing the same twice does no harm.
func (e *Engine) MergeDue(ctx context.Context) (merged int, err error) {
	var errs []error
	for _, c := range e.catalog.Load().byID {
		n, err := e.mergeDue(ctx, c.settings.ID)
		if merged += n; err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			errs = append(errs, fmt.Errorf("merge segments of collection %s: %w", c.settings.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return merged, errors.Join(errs...)
}

func (e *Engine) mergeDue(ctx context.Context, c lode.CollectionID) (merged int, err error) {
	all, err := e.segmentsOf(c)
	if err != nil {
		return 0, err
	}
	inputs := merging(all) // of before a restart, or of another leader
	begun := len(inputs) > 0
	if !begun {
		err = e.store.View(func(tx *storage.Tx) error {
			inputs, err = tx.MergeDue(c, e.options.Merge)
			return err
		})
	}
	if err != nil || len(inputs) == 0 {
		return 0, err
	}
	release, err := e.options.Room(liveBytes(all, inputs))
	if err != nil {
		return 0, nil // it frees room only when it is done: it waits until there is some
	}
	defer release()
	if !begun {
		if _, err := propose[lode.SegmentID](ctx, e, &mergeSegments{Collection: c, Inputs: inputs}); err != nil {
			return 0, err
		}
		if all, err = e.segmentsOf(c); err != nil {
			return 0, err
		}
	}
	return e.buildEach(ctx, c, all, storage.SegmentMerging)
}

// merging are the inputs of a merge that has begun.
func merging(all []Segment) []lode.SegmentID {
	for i := range all {
		if all[i].State == storage.SegmentMerging {
			return all[i].Inputs
		}
	}
	return nil
}

// liveBytes is about how large the file of a merge gets.
func liveBytes(all []Segment, inputs []lode.SegmentID) (sum int64) {
	for i := range all {
		if slices.Contains(inputs, all[i].ID) {
			sum += all[i].LiveBytes()
		}
	}
	return sum
}

// mergeSegments fixes what the file of a merge will hold.
func (b *batch) mergeSegments(c *mergeSegments) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	id, err := b.tx.Merge(c.Collection, c.Inputs)
	switch lode.CodeOf(err) {
	case lode.CodeConflict, lode.CodeNotFound, lode.CodeInvalid:
		return coded(err), nil
	}
	return id, err
}

// home is the part that has the rows of a segment, whose own it may not be any more.
func (s *segment) home(id lode.SegmentID) lode.SegmentID {
	if at, moved := s.homes[id]; moved {
		return at
	}
	return id
}

// move says in which part the rows of a segment are. Published snapshots hold the map of before.
func (s *segment) move(id, to lode.SegmentID) {
	if s.home(id) == to {
		return
	}
	homes := make(map[lode.SegmentID]lode.SegmentID, len(s.homes)+1)
	for k, v := range s.homes {
		homes[k] = v
	}
	homes[id] = to
	s.homes = homes
}
