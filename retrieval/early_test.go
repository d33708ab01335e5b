package retrieval_test

import (
	"context"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

// TestEarly: a question by vectors is answered from a collection that is not loaded, if that
// can be, and by a view otherwise.
func TestEarly(t *testing.T) {
	filter := lode.WhereEq("year", lode.IntegerValue(2026))
	for name, c := range map[string]struct {
		none   bool
		fail   error
		filter lode.Filter
		early  int // calls
		later  int
		code   lode.Code
	}{
		"early":  {early: 1},
		"none":   {none: true, later: 1},
		"gone":   {fail: retrieval.ErrViewGone, early: 1, later: 1},
		"filter": {filter: filter, later: 1},
		"fails":  {fail: lode.Errorf(lode.CodeCorrupt, "damaged"), early: 1, code: lode.CodeCorrupt},
	} {
		early, later := newView(), newView()
		early.dense, later.dense = early.candidates(1, 0.9), later.candidates(2, 0.8)
		early.fail["Dense"] = c.fail
		r := retrieval.New(retrieval.Options{
			View:        func(context.Context, lode.Principal, string, time.Time) (retrieval.View, error) { return later, nil },
			EmbedderFor: nil,
			Early: func(context.Context, lode.Principal, string) (retrieval.NearestView, error) {
				if c.none {
					return nil, nil
				}
				return early, nil
			},
		})
		n := near(lode.With{}, lode.Vector{1, 0})
		n.Filter = c.filter
		found, err := r.Nearest(t.Context(), anyone, n)
		if lode.CodeOf(err) != c.code || early.calls["Dense"] != c.early || later.calls["Dense"] != c.later {
			t.Errorf("%s: %v, early %v, later %v", name, err, early.calls, later.calls)
		}
		if err == nil && found[0][0].Row.ID != lode.RowID(1+c.later) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
