package rerank

import (
	"context"

	"github.com/lodedb/lode"
)

// Names of rankers that are not those of a service, for [lode.Rerank].Name.
const (
	NameMaxSim   = "maxsim"
	NameFeatures = "features"
)

// Ranker scores passages for a query. All methods may be called by many goroutines at once.
type Ranker interface {
	// Name is what queries ask for it by.
	Name() string

	// Rank returns one score for each passage, in the order of ps; larger is better. Scores are
	// finite, and their contributions sum to them. It is all or nothing: with an error the result is
	// nil. No passages give no scores and no error.
	//
	// Errors are coded: [lode.CodeProvider] when a service fails or cannot be reached, with the
	// reason; [lode.CodeTooLarge] when it refuses the length of a text; [lode.CodeCanceled] or
	// [lode.CodeTimeout] when ctx ends first. They hold neither texts nor secrets. Nothing of ps is
	// kept or changed.
	Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error)
}

// opaque is a score that nobody explains.
func opaque(score float64) lode.RerankScore {
	return lode.RerankScore{Score: score, Contributions: []lode.ScoreContribution{{Name: "rerank", Value: score}}}
}

// summed is the score that contributions make.
func summed(contributions []lode.ScoreContribution) lode.RerankScore {
	if len(contributions) == 0 {
		return opaque(0)
	}
	s := lode.RerankScore{Contributions: contributions}
	for _, c := range contributions {
		s.Score += c.Value
	}
	return s
}

// ended is the coded error of a context that is over, or nil.
func ended(ctx context.Context) error {
	switch err := ctx.Err(); err {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return lode.Errorf(lode.CodeTimeout, "re-rank passages: the deadline passed: %w", err)
	default:
		return lode.Errorf(lode.CodeCanceled, "re-rank passages: the caller left: %w", err)
	}
}
