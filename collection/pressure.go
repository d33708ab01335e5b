package collection

import (
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// pressure holds writers back who fill segments faster than they are sealed: at most two
// segments of a collection are unsealed, and neither grows without end.
type pressure struct {
	written atomic.Int64 // bytes that went to the log since storage was last asked
	crowded atomic.Bool  // as storage was then
}

// looksPerSegment is how often storage is asked while a segment fills.
const looksPerSegment = 8

// held refuses a command that adds to a collection whose growing segment is full while the one
// before it is being sealed. What was admitted before goes on: the stages of a document end in
// segments that count already.
func (e *Engine) held(cmd command, bytes int64) error {
	c := e.catalog.Load().byID[addsTo(cmd)]
	if c == nil {
		return nil
	}
	p := &c.pressure
	if p.written.Add(bytes) < e.options.SealBytes/looksPerSegment && !p.crowded.Load() {
		return nil
	}
	all, err := e.segmentsOf(c.settings.ID)
	if err != nil {
		return err
	}
	p.written.Store(0)
	full, sealing := e.unsealed(all)
	p.crowded.Store(full != nil && sealing != nil)
	if full == nil || sealing == nil {
		return nil
	}
	return lode.FieldError(lode.CodeOverloaded, "collection", c.settings.Name,
		"segment %d holds %d bytes and waits for segment %d to be sealed", full.ID, full.Bytes, sealing.ID).
		WithHint("try again in a moment; lode segments list shows how far sealing is")
}

// unsealed finds the growing segment, if it is full, and the one that is being sealed.
func (e *Engine) unsealed(all []Segment) (full, sealing *Segment) {
	for i := range all {
		switch s := &all[i]; {
		case s.State == storage.SegmentSealing:
			sealing = s
		case s.State == storage.SegmentGrowing && s.Bytes >= e.options.SealBytes:
			full = s
		}
	}
	return full, sealing
}

// addsTo is the collection that a command brings new contents to, 0 for other commands.
func addsTo(cmd command) lode.CollectionID {
	switch cmd := cmd.(type) {
	case *submit:
		return cmd.Collection
	case *putPoints:
		return cmd.Collection
	case *named:
		return addsTo(cmd.inner)
	}
	return 0
}
