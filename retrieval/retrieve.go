package retrieval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lodedb/lode"
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
//
// With a q.Timeout it ends about then with what there is, and the result is partial: a search that
// did not finish is left out, as are the re-ranker and what follows it. It is an error of
// [lode.CodeTimeout] only where nothing was found by then.
func (r *Retriever) Retrieve(ctx context.Context, p lode.Principal, q lode.Query) (result *lode.Result, err error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s, err := r.search(q)
	if err != nil {
		return nil, err
	}
	err = r.inViews(ctx, p, s, func(views []View) error {
		a, err := s.answer(views)
		if err != nil {
			return err
		}
		result, err = a.run(ctx)
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
	r     *Retriever
	q     lode.Query
	names []string  // of the collections
	until time.Time // when the time of the query is over; zero: never
	spec  spec      // of the context
	// Vectors of the text, made once, by collection and by what made them.
	embedded map[lode.CollectionID]lode.Vector
	made     map[string]lode.Vector
	// watch, if given, hears where candidates are dropped.
	watch *watch
}

// search checks what does not depend on the collection.
func (r *Retriever) search(q lode.Query) (*search, error) {
	s := &search{r: r, q: q, embedded: map[lode.CollectionID]lode.Vector{}, made: map[string]lode.Vector{}}
	s.q.EnsureDefaults()
	if err := s.q.Validate(); err != nil {
		return nil, err
	}
	if s.q.Text != "" && !utf8.ValidString(s.q.Text) {
		return nil, lode.Invalid("text", s.q.Text, "query text is not valid UTF-8")
	}
	if s.q.Text != "" && strings.TrimSpace(s.q.Text) == "" {
		return nil, lode.Invalid("text", s.q.Text, "query text is blank")
	}
	if s.names = s.q.Collections; len(s.names) == 0 {
		s.names = []string{s.q.Collection}
	}
	if s.q.Timeout > 0 {
		s.until = time.Now().Add(s.q.Timeout)
	}
	var err error
	s.spec, err = r.contextSpec(&s.q)
	return s, err
}

// hurry returns the context of what is given up when the time of the query is over.
func (s *search) hurry(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.until.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, s.until)
}

// late reports whether the time of the query is over.
func (s *search) late() bool { return !s.until.IsZero() && !time.Now().Before(s.until) }

// fit chooses the mode and checks the query against the collections.
func (s *search) fit(of []lode.Collection) (lode.Mode, error) {
	mode := s.q.Mode
	if of[0].Embedder.Provider == lode.ProviderNone && len(s.q.Vector) == 0 {
		if mode == lode.ModeDense {
			return mode, lode.Invalid("mode", mode, "the collection has no embedder: dense mode needs a vector").
				WithHint("give a vector, or ask in lexical mode")
		}
		mode = lode.ModeLexical
	}
	if mode != lode.ModeLexical {
		if err := sameSpace(of); err != nil {
			return mode, err
		}
	}
	if len(s.q.Vector) > 0 {
		return mode, s.q.Vector.ValidateFor(of[0].Dim, of[0].Metric)
	}
	return mode, nil
}

// sameSpace refuses collections whose vectors do not compare.
func sameSpace(of []lode.Collection) error {
	first := spaceName(&of[0])
	for i := range of[1:] {
		if c := &of[i+1]; spaceName(c) != first {
			return lode.Invalid("collections", c.Name, "collections %s and %s have vectors of different kinds: %s and %s",
				of[0].Name, c.Name, first, spaceName(c)).WithHint("ask them one by one, or in lexical mode")
		}
	}
	return nil
}

// spaceName identifies what scores of vectors depend on: the embedder, by the first word of the
// collection's fingerprint, dimensions and metric.
func spaceName(c *lode.Collection) string {
	by, _, _ := strings.Cut(c.Fingerprint, " ")
	if by == "" {
		by = c.Embedder.Provider + "/" + c.Embedder.Model
	}
	return fmt.Sprintf("%s, %d dimensions, %s", by, c.Dim, c.Metric)
}

// inViews has a question answered from one view of each collection, all taken before anything is
// searched, and from new ones while rows go away.
func (r *Retriever) inViews(ctx context.Context, p lode.Principal, s *search, answer func([]View) error) error {
	for range maxViews {
		err := r.takeViews(ctx, p, s, answer)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrViewGone) {
			return coded(ctx, err)
		}
		r.o.Logger.Debug("view is gone, taking a new one", "collections", s.names)
	}
	return errViewsGone()
}

func (r *Retriever) takeViews(ctx context.Context, p lode.Principal, s *search, answer func([]View) error) error {
	hurry, stop := s.hurry(ctx)
	defer stop()
	views := make([]View, len(s.names))
	for i, name := range s.names {
		var err error
		if views[i], err = r.o.View(hurry, p, name, s.q.AsOf); err != nil {
			if lateAlone(ctx, hurry) {
				return lode.Errorf(lode.CodeTimeout, "the time of the query (%s) was over before collection %s could be searched", s.q.Timeout, name)
			}
			return err
		}
	}
	return answer(views)
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

// assign gives every hit its row.
func assign(hits []lode.Hit, rows []lode.Row) error {
	ids := make([]lode.RowID, len(hits))
	for i := range hits {
		ids[i] = hits[i].Row.ID
	}
	at, err := placed(ids, rows)
	if err != nil {
		return err
	}
	for i := range at {
		hits[i].Row = *at[i]
	}
	return nil
}

// placed finds the row of each id. Views mostly answer in the order asked for.
func placed(ids []lode.RowID, rows []lode.Row) ([]*lode.Row, error) {
	out := make([]*lode.Row, len(ids))
	var byID map[lode.RowID]*lode.Row
	for i, id := range ids {
		if i < len(rows) && rows[i].ID == id {
			out[i] = &rows[i]
			continue
		}
		if byID == nil {
			byID = make(map[lode.RowID]*lode.Row, len(rows))
			for j := range rows {
				byID[rows[j].ID] = &rows[j]
			}
		}
		if out[i] = byID[id]; out[i] == nil {
			return nil, ErrViewGone
		}
	}
	return out, nil
}

// step runs one step and reports it.
func (r *Retriever) step(step Step, f func() error) error {
	start := r.o.Clock()
	err := f()
	r.stepDone(step, r.o.Clock().Sub(start), err)
	return err
}

func (r *Retriever) stepDone(step Step, d time.Duration, err error) {
	if r.o.Events.StepDone != nil {
		r.o.Events.StepDone(step, d, err)
	}
}
