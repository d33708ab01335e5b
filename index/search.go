package index

import (
	"context"
	"errors"

	"github.com/lodedb/lode"
)

// Stopped returns nil while ctx is alive, and afterwards the coded error that a search
// ends with. Searches call it every few thousand rows.
func Stopped(ctx context.Context) error {
	err := ctx.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return lode.Errorf(lode.CodeTimeout, "search index: %w", err)
	}
	return lode.Errorf(lode.CodeCanceled, "search index: %w", err)
}

// CheckK checks the number of candidates asked of an index. There is no upper limit here:
// an answer is never longer than the index.
func CheckK(k int) error {
	if k < 1 {
		return lode.Invalid("k", k, "k must be at least 1")
	}
	return nil
}

// Recall is the share of want that got holds, by ordinal: 1 when all are there, in any
// order, and also when want is empty.
func Recall(got, want []Candidate) float64 {
	if len(want) == 0 {
		return 1
	}
	found := make(map[uint32]bool, len(got))
	for _, c := range got {
		found[c.Ordinal] = true
	}
	hits := 0
	for _, c := range want {
		if found[c.Ordinal] {
			hits++
		}
	}
	return float64(hits) / float64(len(want))
}
