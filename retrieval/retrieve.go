package retrieval

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// maxViews bounds how often a query is asked of a new view because rows went away.
const maxViews = 5

// Retriever answers queries. Its methods may be called at the same time.
type Retriever struct{ o Options }

// New returns a retriever.
func New(o Options) *Retriever {
	o.EnsureDefaults()
	return &Retriever{o: o}
}

// Retrieve answers a query: at most q.K hits, best first, and the context made of them.
func (r *Retriever) Retrieve(ctx context.Context, p lode.Principal, q lode.Query) (result *lode.Result, err error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s := &search{r: r, q: q}
	if err := s.validate(); err != nil {
		return nil, err
	}
	err = r.inOneView(ctx, p, q.Collection, q.AsOf, func(view View) error {
		result, err = s.run(ctx, view)
		return err
	})
	return result, err
}

func errViewsGone() error {
	return lode.Errorf(lode.CodeUnavailable, "the collection changed %d times during the search", maxViews).WithHint("try again")
}

// coded gives the end of the context its code, whatever the callee made of it.
func coded(ctx context.Context, err error) error {
	if ctx.Err() == nil || lode.CodeOf(err) != lode.CodeInternal {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return lode.Errorf(lode.CodeTimeout, "retrieve: %w", err)
	}
	return lode.Errorf(lode.CodeCanceled, "retrieve: %w", err)
}

// search is one query on its way, over all views it needs.
type search struct {
	r    *Retriever
	q    lode.Query
	mode lode.Mode // as the collection allows
	spec spec      // of the context

	embedded   lode.Vector       // of the text, made once
	embeddedIn lode.CollectionID // where that vector belongs
}

// validate checks what does not depend on the collection.
func (s *search) validate() error {
	s.q.EnsureDefaults()
	if err := s.q.Validate(); err != nil {
		return err
	}
	if s.q.Text != "" && !utf8.ValidString(s.q.Text) {
		return lode.Invalid("text", s.q.Text, "query text is not valid UTF-8")
	}
	if s.q.Text != "" && strings.TrimSpace(s.q.Text) == "" {
		return lode.Invalid("text", s.q.Text, "query text is blank")
	}
	var err error
	s.spec, err = s.r.contextSpec(&s.q)
	return err
}

// fit chooses the mode and checks the query against the collection.
func (s *search) fit(c lode.Collection) error {
	s.mode = s.q.Mode
	if len(s.q.Vector) > 0 {
		return s.q.Vector.ValidateFor(c.Dim, c.Metric)
	}
	if c.Embedder.Provider != lode.ProviderNone || s.mode == lode.ModeLexical {
		return nil
	}
	if s.mode == lode.ModeDense {
		return lode.Invalid("mode", s.mode, "the collection has no embedder: dense mode needs a vector").
			WithHint("give a vector, or ask in lexical mode")
	}
	s.mode = lode.ModeLexical
	return nil
}

// run answers the query from one view.
func (s *search) run(ctx context.Context, view View) (*lode.Result, error) {
	c := view.Collection()
	if err := s.fit(c); err != nil {
		return nil, err
	}
	legs, err := s.legs(ctx, view, c)
	if err != nil {
		return nil, err
	}
	result := &lode.Result{Mode: s.mode}
	switch s.mode {
	case lode.ModeDense:
		result.Hits = single(legs.dense, func(h *lode.Hit, score *float64) { h.Dense = score })
	case lode.ModeLexical:
		result.Hits = single(legs.lexical, func(h *lode.Hit, score *float64) { h.Lexical = score })
	default:
		w := s.weight(c).adjust(legs, func() float64 { return view.LexicalBound(s.q.Text, s.q.Syntax) })
		result.DenseWeight, result.WeightReason = w.dense, w.reason
		result.Hits = fuse(legs, w.dense, s.q.K)
	}
	if err := s.r.fill(ctx, view, result.Hits, lode.With{Text: true, Metadata: true}); err != nil {
		return nil, err
	}
	start := s.r.o.Clock()
	result.Context = s.r.assemble(plainBlocks(result.Hits), s.spec)
	s.r.stepDone(StepContext, s.r.o.Clock().Sub(start), nil)
	return result, nil
}

// legs are the candidates of the two searches.
type legs struct{ dense, lexical []lode.Candidate }

// legs runs the searches that the mode asks for, side by side.
func (s *search) legs(ctx context.Context, view View, c lode.Collection) (legs, error) {
	var found legs
	depth := s.q.K
	if s.mode == lode.ModeHybrid {
		depth = candidateDepth(s.q.K)
	}
	g, ctx := errgroup.WithContext(ctx)
	if s.mode != lode.ModeLexical {
		g.Go(func() error {
			v, err := s.vector(ctx, c)
			if err != nil || v == nil {
				return err
			}
			return s.r.step(StepDense, func() (err error) {
				found.dense, err = view.DenseWith(ctx, v, lode.DenseSearch{K: depth, Filter: s.q.Filter, Ef: s.q.Ef, Exact: s.q.Exact})
				return err
			})
		})
	}
	if s.mode != lode.ModeDense {
		g.Go(func() error {
			return s.r.step(StepLexical, func() (err error) {
				found.lexical, err = view.Lexical(ctx, s.q.Text, depth, s.q.Filter)
				return err
			})
		})
	}
	err := g.Wait()
	return found, err
}

// vector returns what the dense search looks for: the given vector, else the embedded
// text. It is nil when the text has no direction and the lexical search can answer alone.
func (s *search) vector(ctx context.Context, c lode.Collection) (lode.Vector, error) {
	if len(s.q.Vector) > 0 {
		return s.q.Vector, nil
	}
	if s.embedded == nil || s.embeddedIn != c.ID {
		v, err := s.embed(ctx, c)
		if err != nil {
			return nil, err
		}
		s.embedded, s.embeddedIn = v, c.ID
	}
	if c.Metric != lode.Cosine || !isZero(s.embedded) {
		return s.embedded, nil
	}
	if s.mode == lode.ModeDense {
		return nil, lode.Invalid("text", s.q.Text, "the embedder finds nothing in the query text")
	}
	return nil, nil
}

func (s *search) embed(ctx context.Context, c lode.Collection) (lode.Vector, error) {
	e, err := s.r.o.EmbedderFor(c)
	if err != nil {
		return nil, err
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

// fill reads the rows behind the hits: what the view knows of them, or all of it where more
// is asked for.
func (r *Retriever) fill(ctx context.Context, view NearestView, hits []lode.Hit, with lode.With) error {
	if len(hits) == 0 {
		return nil
	}
	ids := make([]lode.RowID, len(hits))
	for i := range hits {
		ids[i] = hits[i].Row.ID
	}
	return r.step(StepRows, func() error {
		rows, err := readRows(ctx, view, ids, with)
		if err != nil {
			return err
		}
		return assign(hits, rows)
	})
}

func readRows(ctx context.Context, view NearestView, ids []lode.RowID, with lode.With) ([]lode.Row, error) {
	if with.Stored() {
		return view.Rows(ctx, ids, with.Vector)
	}
	return view.Known(ctx, ids)
}

// assign gives every hit its row. Views mostly answer in the order asked for.
func assign(hits []lode.Hit, rows []lode.Row) error {
	var byID map[lode.RowID]*lode.Row
	for i := range hits {
		if i < len(rows) && rows[i].ID == hits[i].Row.ID {
			hits[i].Row = rows[i]
			continue
		}
		if byID == nil {
			byID = make(map[lode.RowID]*lode.Row, len(rows))
			for j := range rows {
				byID[rows[j].ID] = &rows[j]
			}
		}
		row, ok := byID[hits[i].Row.ID]
		if !ok {
			return ErrViewGone
		}
		hits[i].Row = *row
	}
	return nil
}

// step runs one step and reports it.
func (r *Retriever) step(step Step, f func() error) error {
	start := r.o.Clock()
	err := f()
	r.stepDone(step, r.o.Clock().Sub(start), err)
	return err
}
