package retrieval

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// How deep each search goes where another stage follows, so that a row which one of them ranks
// low can be lifted by the other.
const (
	leastDepth = 100
	depthPerK  = 10
	mostDepth  = 1000
)

// candidateDepth is the number of candidates of each search for k hits.
func candidateDepth(k int) int {
	return min(max(leastDepth, depthPerK*k), max(mostDepth, k))
}

// leg is what one search proposes, best first.
type leg struct {
	found []proposed
	asked bool
	late  bool // it was not done when the time of the query was over
	more  bool // a collection gave as many rows as were asked for: there may be more
	took  time.Duration
	embed time.Duration // of the text, before it
}

func (l *leg) outcome() string {
	if l.late {
		return "did not finish in time"
	}
	return "found nothing"
}

// legs runs the searches that the mode asks for, side by side. Both have ended when it returns.
func (a *answer) legs(ctx context.Context) (dense, lexical leg, err error) {
	hurry, stop := a.s.hurry(ctx)
	defer stop()
	g, inner := errgroup.WithContext(hurry)
	run := func(l *leg, search func(context.Context, *leg) error) error {
		l.asked = true
		err := search(inner, l)
		if err != nil && lateAlone(ctx, hurry) {
			l.late = true
			return nil
		}
		return err
	}
	// One search goes on here: to wake a goroutine takes a tenth of what a search does.
	here := func() error { return run(&lexical, a.lexical) }
	switch a.mode {
	case lode.ModeDense:
		here = func() error { return run(&dense, a.dense) }
	case lode.ModeHybrid:
		g.Go(func() error { return run(&dense, a.dense) })
	}
	if err := here(); err != nil {
		g.Go(func() error { return err }) // which ends the other, unless that failed before
	}
	if err := g.Wait(); err != nil {
		return dense, lexical, err
	}
	dense.merge(len(a.views), a.depth)
	lexical.merge(len(a.views), a.depth)
	return dense, lexical, a.notePartial(&dense, &lexical)
}

// lateAlone reports whether the time of the query is over while its caller still waits.
func lateAlone(ctx, hurry context.Context) bool { return hurry.Err() != nil && ctx.Err() == nil }

// notePartial says what is missing. Without anything that was found it is an error.
func (a *answer) notePartial(dense, lexical *leg) error {
	if !dense.late && !lexical.late {
		return nil
	}
	if len(dense.found)+len(lexical.found) == 0 {
		return lode.Errorf(lode.CodeTimeout, "the time of the query (%s) was over before anything was found", a.s.q.Timeout)
	}
	if dense.late {
		a.partial("the dense search did not finish")
	}
	if lexical.late {
		a.partial("the lexical search did not finish")
	}
	return nil
}

// dense searches for the vector in every view. Scores compare, because embedder and metric are
// the same.
func (a *answer) dense(ctx context.Context, l *leg) error {
	for at := range a.views {
		start := time.Now()
		v, err := a.s.vector(ctx, a.collections[at], a.mode)
		l.embed += time.Since(start)
		if err != nil || v == nil {
			return err
		}
		var found []lode.Candidate
		start = time.Now()
		err = a.s.r.step(StepDense, func() (err error) {
			q := &a.s.q
			found, err = a.views[at].DenseWith(ctx, v, lode.DenseSearch{K: a.depth, Filter: q.Filter, Ef: q.Ef, Exact: q.Exact})
			return err
		})
		l.took += time.Since(start)
		if err != nil {
			return err
		}
		l.take(at, found, a.depth, 1)
	}
	return nil
}

// lexical searches for the words in every view. Scores of different collections do not compare:
// they count how rare the words are there. So in a query that asks several they are divided by the
// most that the query could reach in each, and say how much of it a row holds.
func (a *answer) lexical(ctx context.Context, l *leg) error {
	q := &a.s.q
	start := time.Now()
	defer func() { l.took = time.Since(start) }()
	for at, view := range a.views {
		var found []lode.Candidate
		err := a.s.r.step(StepLexical, func() (err error) {
			found, err = view.LexicalWith(ctx, q.Text, lode.LexicalSearch{K: a.depth, Filter: q.Filter, Syntax: q.Syntax})
			return err
		})
		if err != nil {
			return err
		}
		most := 1.0
		if len(a.views) > 1 {
			most = a.mostLexical(at, found)
		}
		l.take(at, found, a.depth, most)
	}
	return nil
}

// mostLexical is what scores of a collection are divided by: the bound of the query, or the best
// score where none is known.
func (a *answer) mostLexical(at int, found []lode.Candidate) float64 {
	most := a.views[at].LexicalBound(a.s.q.Text, a.s.q.Syntax)
	if (most <= 0 || math.IsInf(most, 1)) && len(found) > 0 {
		most = found[0].Score
	}
	if most <= 0 {
		return 1
	}
	return most
}

// most is the most that the query could reach in the lexical search.
func (a *answer) most() float64 {
	if len(a.views) > 1 {
		return 1
	}
	return a.views[0].LexicalBound(a.s.q.Text, a.s.q.Syntax)
}

func (l *leg) take(at int, found []lode.Candidate, depth int, most float64) {
	l.more = l.more || len(found) == depth
	l.found = slices.Grow(l.found, len(found))
	for _, c := range found {
		l.found = append(l.found, proposed{place{at, c.Row}, c.Score / most, c.Score})
	}
}

// merge puts what several collections proposed in one order.
func (l *leg) merge(views, depth int) {
	if views == 1 {
		return
	}
	slices.SortFunc(l.found, func(a, b proposed) int {
		if a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	})
	l.found = l.found[:min(depth, len(l.found))]
}

// vector returns what the dense search looks for: the given vector, else the embedded
// text. It is nil when the text has no direction and the lexical search can answer alone.
func (s *search) vector(ctx context.Context, c lode.Collection, mode lode.Mode) (lode.Vector, error) {
	if len(s.q.Vector) > 0 {
		return s.q.Vector, nil
	}
	v := s.embedded[c.ID]
	if v == nil {
		var err error
		if v, err = s.embed(ctx, c); err != nil {
			return nil, err
		}
		s.embedded[c.ID] = v
	}
	if c.Metric != lode.Cosine || !isZero(v) {
		return v, nil
	}
	if mode == lode.ModeDense {
		return nil, lode.Invalid("text", s.q.Text, "the embedder finds nothing in the query text")
	}
	return nil, nil
}

// embed makes the vector of the text, or takes the one that the same embedder made for another
// collection of the query.
func (s *search) embed(ctx context.Context, c lode.Collection) (lode.Vector, error) {
	e, err := s.r.o.EmbedderFor(c)
	if err != nil {
		return nil, err
	}
	of := e.Fingerprint()
	if v := s.made[of]; v != nil {
		return v, nil
	}
	var vectors []lode.Vector
	err = s.r.step(StepEmbed, func() (err error) {
		vectors, err = e.Embed(ctx, embed.Query, []string{s.q.Text})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(vectors) != 1 {
		return nil, lode.Errorf(lode.CodeProvider, "the embedder made %d vectors of one text", len(vectors))
	}
	if err := vectors[0].ValidateFor(c.Dim, lode.Dot); err != nil {
		return nil, lode.Errorf(lode.CodeProvider, "the embedding of the query cannot be used: %w", err)
	}
	s.made[of] = vectors[0]
	return vectors[0], nil
}

func isZero(v lode.Vector) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}
