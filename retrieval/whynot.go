package retrieval

import (
	"context"
	"fmt"

	"github.com/lodedb/lode"
)

// Standing is what there is of a document, searchable or not.
type Standing struct {
	Document *lode.Document
	Newest   *lode.DocVersion // the newest version, which may be one that is not ready
	Current  *lode.DocVersion // the one that search shows; nil: none yet
	// Waiting are the reader labels of a newest version that is not ready: who sees the document
	// holds one of them too.
	Waiting []string
	Expired bool
}

// DenseRank is the place of a row in an exact search for a vector.
type DenseRank struct {
	Score float64
	Rank  int // from 1; 0: the row is not compared
}

// maxReasons and maxAsked bound how many reasons are looked for, and how often the query is asked.
const (
	maxReasons = 24
	maxAsked   = 64
)

// WhyNot says why a document, or a passage of it, is not in the answer to a query: it asks the query,
// looks where the document is lost, removes that reason, and goes on until nothing is in the way.
// The query is asked without its timeout, and its re-ranker once for each reason.
//
// Who may not see the document is told that there is none, as if there were none.
func (r *Retriever) WhyNot(ctx context.Context, p lode.Principal, q lode.WhyNotQuery) (*lode.WhyNot, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if q.Kind == 0 {
		q.Kind = lode.KindDocument
	}
	q.Query.EnsureDefaults()
	q.Query.Timeout, q.Query.Explain = 0, false
	if err := q.Validate(); err != nil {
		return nil, err
	}
	as := p
	if q.As != nil {
		if !p.SeesAll() {
			return nil, &lode.Error{Code: lode.CodeUnauthorized, Field: "as", Message: "only a principal who sees all may ask as somebody else"}
		}
		as = lode.Principal{ID: p.ID, Labels: q.As}
	}
	s, err := r.search(q.Query)
	if err != nil {
		return nil, err
	}
	var answer *lode.WhyNot
	err = r.inViews(ctx, as, s, func(views []View) error {
		w := inquiry{r: r, p: p, as: as, q: &q, view: views[0], of: s, answer: &lode.WhyNot{}}
		err := w.run(ctx)
		answer = w.answer
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// inquiry is a why-not question on its way over one view.
type inquiry struct {
	r      *Retriever
	p, as  lode.Principal
	q      *lode.WhyNotQuery
	view   View
	of     *search // knows the vector of the text
	now    lode.Query
	answer *lode.WhyNot
	rows   []place // of the document, that may be hits
	first  lode.RowID
	doc    *lode.Document
}

func (w *inquiry) run(ctx context.Context) error {
	w.now = w.q.Query
	ended, err := w.stands(ctx)
	if ended || err != nil {
		return err
	}
	if ended, err = w.filter(); ended || err != nil {
		return err
	}
	for asked := 0; len(w.answer.Reasons) < maxReasons && asked < maxAsked; asked++ {
		a, hits, err := w.ask(ctx)
		if err != nil {
			return err
		}
		reason, err := w.reason(ctx, a, hits, asked == 0 && len(w.answer.Reasons) == 0)
		if err != nil || reason == nil {
			return err
		}
		if done, err := w.add(reason); done || err != nil {
			return err
		}
	}
	return nil
}

// add notes a reason and removes it from the query; done where that cannot be.
func (w *inquiry) add(reason *lode.Reason) (done bool, err error) {
	all := w.answer.Reasons
	if last := len(all) - 1; last >= 0 && reason.Change != nil && all[last].Change != nil && all[last].Change.Field == reason.Change.Field && reason.Stage == all[last].Stage {
		all[last].Change, all[last].Remedy = reason.Change, reason.Remedy // more of the same
	} else {
		w.answer.Reasons = append(all, *reason)
	}
	if reason.Change == nil {
		return true, nil
	}
	return false, apply(reason.Change, &w.now)
}

// ask asks the query as it is now, watching the rows of the document.
func (w *inquiry) ask(ctx context.Context) (*answer, []*candidate, error) {
	s, err := w.r.search(w.now)
	if err != nil {
		return nil, nil, err
	}
	s.embedded, s.made, s.watch = w.of.embedded, w.of.made, newWatch(w.rows)
	a, err := s.answer([]View{w.view})
	if err != nil {
		return nil, nil, err
	}
	kept, err := a.choose(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a, kept, a.load(ctx, kept, textOf)
}

// stands looks whether there is a document that searches can find.
func (w *inquiry) stands(ctx context.Context) (ended bool, err error) {
	missing := func() (bool, error) {
		w.answer.Reasons = []lode.Reason{{
			Stage: lode.ReasonNotFound, Detail: "there is no such " + w.what(), Remedy: "hand it in, or look for a slip in its id",
		}}
		return true, nil
	}
	// SECURITY: the view of the asker decides what exists. As somebody else is asked by those alone
	// who see all.
	view, no := w.view, lode.DocNo(0)
	if w.q.As != nil {
		if view, err = w.r.o.View(ctx, w.p, w.now.Collection, w.now.AsOf); err != nil {
			return false, err
		}
	}
	if w.q.Chunk != nil {
		no = w.q.Chunk.Doc
	}
	s, err := view.Standing(ctx, w.q.Kind, w.q.Document, no)
	if lode.IsCode(err, lode.CodeNotFound) {
		return missing()
	}
	if err != nil {
		return false, err
	}
	if c := w.q.Chunk; c != nil {
		known := s.Current != nil && s.Current.Version == c.Version && int(c.Ordinal) < s.Current.Chunks
		pending := s.Current == nil && s.Newest.Version == c.Version
		if !known && !pending {
			return missing()
		}
	}
	if reason := w.hidden(s); reason != nil {
		w.answer.Reasons = []lode.Reason{*reason}
		return true, nil
	}
	w.doc, w.first = s.Document, s.Current.FirstRow
	for i := range s.Current.Chunks {
		if w.q.Chunk == nil || int(w.q.Chunk.Ordinal) == i {
			w.rows = append(w.rows, place{id: s.Current.FirstRow + lode.RowID(i)})
		}
	}
	return false, nil
}

func (w *inquiry) what() string {
	switch {
	case w.q.Chunk != nil:
		return "passage in what searches show"
	case w.q.Kind == lode.KindVector:
		return "raw vector"
	}
	return "document"
}

// hidden is why no search shows a document that is there.
func (w *inquiry) hidden(s *Standing) *lode.Reason {
	switch {
	case s.Current == nil && s.Newest.State == lode.StateQuarantined:
		detail := "its only version is in quarantine"
		if f := s.Newest.Failure; f != nil {
			detail += fmt.Sprintf(": stage %s, %s", f.Stage, f.Code)
		}
		return &lode.Reason{Stage: lode.ReasonQuarantined, Detail: detail, Remedy: "hand it in anew or process it again"}
	case s.Current == nil:
		return &lode.Reason{Stage: lode.ReasonPending, Detail: "its version is still being processed", Remedy: "ask again when it is ready"}
	case s.Expired:
		return &lode.Reason{
			Stage: lode.ReasonExpired, Detail: "it ended at " + s.Document.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z07:00"), Remedy: "give it another expires_at",
		}
	case !w.as.MaySee(s.Document.Readers):
		return &lode.Reason{
			Stage: lode.ReasonAccess, Detail: fmt.Sprintf("none of its readers %q is among the labels", s.Document.Readers), Remedy: "add a reader, or a label",
		}
	case !w.as.MaySee(s.Waiting):
		return &lode.Reason{
			Stage: lode.ReasonAccess, Detail: fmt.Sprintf("none of the readers %q of the version that is being processed is among the labels", s.Waiting), Remedy: "add a reader, or a label",
		}
	case s.Current.Chunks == 0:
		return &lode.Reason{Stage: lode.ReasonNotFound, Detail: "it has no passages", Remedy: "look at its silver"}
	}
	return nil
}

// filter removes the clauses of the filter that the document fails, one by one.
func (w *inquiry) filter() (ended bool, err error) {
	for !w.now.Filter.Match(w.doc) {
		where, rest := failing(&w.now.Filter, w.doc)
		reason := &lode.Reason{
			Stage: lode.ReasonFilter, Detail: "it does not match " + where, Remedy: "leave " + where + " out",
			Change: &lode.Change{Field: "filter"},
		}
		if !rest.MatchesAll() && len(w.answer.Reasons) < maxReasons-1 {
			reason.Change.Value = rest
		}
		w.answer.Reasons = append(w.answer.Reasons, *reason)
		if err := apply(reason.Change, &w.now); err != nil {
			return true, err
		}
	}
	return false, nil
}

// failing names the first clause that a document fails, and returns the filter without it.
func failing(f *lode.Filter, d *lode.Document) (where string, rest lode.Filter) {
	if f.Form() != lode.FormAnd {
		return "filter", lode.Filter{}
	}
	for i := range f.And {
		if f.And[i].Match(d) {
			continue
		}
		inner, left := failing(&f.And[i], d)
		others := append(append([]lode.Filter{}, f.And[:i]...), f.And[i+1:]...)
		if !left.MatchesAll() {
			others = append(others, left)
		}
		if len(others) > 0 {
			rest = lode.And(others...)
		}
		return fmt.Sprintf("filter.and[%d]%s", i, inner[len("filter"):]), rest
	}
	return "filter", lode.Filter{}
}
