package storage

import "github.com/lodedb/lode"

// Bounds of the part of [Options.MaxBytes] that is kept for writes which cannot be refused.
const (
	minReserveBytes = 8 << 20
	maxReserveBytes = 64 << 20
)

// Admit refuses work with [lode.CodeNoStorage] whose records, of about n bytes, might not
// fit below [Options.MaxBytes], and all work while the disk is full. It is asked before an
// entry goes to the log: Update cannot refuse one that other nodes apply. What shrinks the
// catalogue, or ends work that was admitted, needs not ask; the reserve is for that.
func (s *Store) Admit(n int64) error {
	s.flusher.wait.Lock()
	stuck := s.flusher.wait.stuck
	s.flusher.wait.Unlock()
	if stuck != nil {
		return lode.Errorf(lode.CodeNoStorage, "the disk takes no writes: %w", stuck).
			WithHint("free some of the disk; writes are taken again by themselves")
	}
	if s.options.MaxBytes == 0 {
		return nil
	}
	r, err := s.room()
	if err == nil && !r.fits(n) && r.waiting > 0 {
		// What waits is counted with a margin that the file may not need.
		if err = s.Flush(); err == nil {
			r, err = s.room()
		}
	}
	if err == nil && !r.fits(n) {
		err = lode.Errorf(lode.CodeNoStorage, "the catalogue has nearly reached its largest size of %d bytes", s.options.MaxBytes).
			WithHint("raise the limit or delete documents")
	}
	return err
}

func (s *Store) room() (r room, err error) {
	err = s.View(func(t *Tx) error {
		r = t.room(s.options.MaxBytes)
		return nil
	})
	return r, err
}

// room is what is left of a bounded catalogue, in bytes.
type room struct {
	limit   int64
	tail    int64 // behind the last page: takes records of any size
	free    int64 // pages between others, where a large record may find no place in one piece
	reserve int64
	waiting int64 // applied and not in the file yet
}

func (t *Tx) room(limit int64) room {
	r := room{limit: limit, tail: limit, reserve: min(max(limit/16, minReserveBytes), maxReserveBytes)}
	for _, l := range t.layers {
		r.waiting += l.catalog
	}
	if tx, is := t.catalog.(*boltTx); is {
		db := tx.tx.DB()
		stats := db.Stats()
		r.tail -= int64(db.AllocSize) + tx.tx.Size() // bbolt grows the file by that much ahead
		r.free = int64(stats.FreePageN+stats.PendingPageN) * int64(db.Info().PageSize)
	}
	return r
}

// fits counts records twice: pages are not filled to the brim, and their neighbours are
// copied with them. Pages between others count when a quarter of the file is free, as it is
// after deletes: then large records find their place there, and those that do not have half
// of the reserve.
func (r room) fits(n int64) bool {
	need := 2 * (n + r.waiting)
	return r.tail >= r.reserve+need || r.free >= r.limit/4+need && r.tail >= r.reserve/2
}
