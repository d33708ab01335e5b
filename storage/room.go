package storage

import (
	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
)

// Bounds of the part of [Options.MaxBytes] that is kept for writes which cannot be refused.
const (
	minReserveBytes = 8 << 20
	maxReserveBytes = 64 << 20
)

// Admit refuses work with [lode.CodeOverloaded] whose records, of about n bytes, might not
// fit below [Options.MaxBytes]. It is asked before an entry goes to the log: Update cannot
// refuse one that other nodes apply. What shrinks the catalogue, or ends work that was
// admitted, needs not ask; the reserve is for that.
func (s *Store) Admit(n int64) error {
	if s.max == 0 {
		return nil
	}
	var r room
	err := s.View(func(t *Tx) error {
		r = roomOf(t.bolt, s.max)
		return nil
	})
	if err == nil && !r.fits(n) {
		err = lode.Errorf(lode.CodeOverloaded, "the catalogue has nearly reached its largest size of %d bytes", s.max).
			WithHint("raise the limit or delete documents")
	}
	return err
}

// room is what is left of a bounded catalogue, in bytes.
type room struct {
	limit   int64
	tail    int64 // behind the last page: takes records of any size
	free    int64 // pages between others, where a large record may find no place in one piece
	reserve int64
}

func roomOf(tx *bolt.Tx, limit int64) room {
	db := tx.DB()
	stats := db.Stats()
	return room{
		limit:   limit,
		tail:    limit - int64(db.AllocSize) - tx.Size(), // bbolt grows the file by that much ahead
		free:    int64(stats.FreePageN+stats.PendingPageN) * int64(db.Info().PageSize),
		reserve: min(max(limit/16, minReserveBytes), maxReserveBytes),
	}
}

// fits counts records twice: pages are not filled to the brim, and their neighbours are
// copied with them. Pages between others count when a quarter of the file is free, as it is
// after deletes: then large records find their place there, and those that do not have half
// of the reserve.
func (r room) fits(n int64) bool {
	need := 2 * n
	return r.tail >= r.reserve+need || r.free >= r.limit/4+need && r.tail >= r.reserve/2
}
