package retrieval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// reason is what keeps the document from the answer as it is now; nil where nothing does.
func (w *inquiry) reason(ctx context.Context, a *answer, hits []*candidate, first bool) (*lode.Reason, error) {
	at := slices.IndexFunc(hits, func(c *candidate) bool { return a.s.watch.rows[c.place] })
	if at >= 0 {
		w.note(hits[at].id)
		if first {
			w.answer.Rank = at + 1
		}
		return w.context(ctx, a, hits, first)
	}
	c, d := a.s.watch.farthest()
	if c == nil {
		return w.unproposed(ctx, a)
	}
	w.note(c.id)
	switch d.stage {
	case StepMinScore:
		return w.tooSmall(&d), nil
	case StepCollapse:
		return &lode.Reason{
			Stage: lode.ReasonCollapse, By: &d.by, Values: map[string]float64{"similarity": d.value, "collapse": d.least},
			Detail: fmt.Sprintf("%s says nearly the same and ranks before it: similarity %.3g, collapse is %.3g", d.by, d.value, d.least),
			Remedy: "leave collapse out", Change: &lode.Change{Field: "collapse"},
		}, nil
	case StepCaps:
		return &lode.Reason{
			Stage: lode.ReasonCaps, Values: map[string]float64{d.field: d.value},
			Detail: fmt.Sprintf("%.0f passages rank before it of those that %s allows", d.value, d.field),
			Remedy: "leave " + d.field + " out", Change: &lode.Change{Field: d.field},
		}, nil
	case StepDiversity:
		return &lode.Reason{
			Stage: lode.ReasonDiversity, Values: map[string]float64{"rank": float64(d.rank), "similarity": d.value},
			Detail: fmt.Sprintf("it ranks %d by relevance, and is like a hit that was picked: similarity %.3g", d.rank, d.value),
			Remedy: "leave diversity out", Change: &lode.Change{Field: "diversity"},
		}, nil
	}
	return w.behind(d.rank), nil
}

// note remembers the passage that came farthest.
func (w *inquiry) note(id lode.RowID) {
	w.answer.Chunk = &lode.ChunkID{Doc: w.doc.No, Version: w.doc.Current, Ordinal: uint32(id - w.first)}
}

// behind is a rank that k does not reach.
func (w *inquiry) behind(rank int) *lode.Reason {
	reason := &lode.Reason{
		Stage: lode.ReasonRank, Values: map[string]float64{"rank": float64(rank), "k": float64(w.now.K)},
		Detail: fmt.Sprintf("it ranks %d, k is %d", rank, w.now.K),
	}
	most := lode.MaxK
	if w.now.Diversity != nil || w.now.Rerank != nil {
		most = min(lode.MaxDiversity, lode.MaxRerankDepth)
	}
	switch {
	case w.now.Depth > 0 && rank > w.now.Depth: // which bounds k
		reason.Remedy, reason.Change = fmt.Sprintf("raise depth to %d", rank), &lode.Change{Field: "depth", Value: rank}
	case rank <= most:
		reason.Remedy, reason.Change = fmt.Sprintf("raise k to %d", rank), &lode.Change{Field: "k", Value: rank}
	case w.now.Diversity != nil:
		reason.Remedy, reason.Change = "leave diversity out", &lode.Change{Field: "diversity"}
	default:
		reason.Remedy = "ask a narrower question: no k reaches it"
	}
	return reason
}

func (w *inquiry) tooSmall(d *drop) *lode.Reason {
	left := map[lode.Component]float64{}
	for name, least := range w.now.MinScores {
		left[name] = least
	}
	reason := &lode.Reason{Stage: lode.ReasonMinScore, Values: map[string]float64{"least": d.least}, Change: &lode.Change{Field: "min_score", Value: left}}
	if !d.has {
		delete(left, d.component)
		reason.Detail = fmt.Sprintf("it has no %s score, at least %.4g is asked for", d.component, d.least)
		reason.Remedy = fmt.Sprintf("leave min_score.%s out", d.component)
		return reason
	}
	left[d.component] = d.value
	reason.Values[string(d.component)] = d.value
	reason.Detail = fmt.Sprintf("its %s score is %.4g, at least %.4g is asked for", d.component, d.value, d.least)
	reason.Remedy = fmt.Sprintf("lower min_score.%s to %.4g", d.component, d.value)
	return reason
}

// context is why a hit is not in the context.
func (w *inquiry) context(ctx context.Context, a *answer, hits []*candidate, first bool) (*lode.Reason, error) {
	a.result.Hits = make([]lode.Hit, len(hits))
	for i, c := range hits {
		a.result.Hits[i] = c.hit()
	}
	blocks, err := a.blocks(ctx, a.result.Hits, hits)
	if err != nil {
		return nil, err
	}
	shows := func(budget int) bool {
		spec := a.s.spec
		spec.budget = budget
		made := w.r.assemble(blocks, spec)
		return slices.ContainsFunc(made.Citations, func(c lode.Citation) bool { return w.cites(&c, hits) })
	}
	if shows(w.now.BudgetTokens) {
		w.answer.InContext = first
		return nil, nil
	}
	enough := w.now.BudgetTokens
	for enough < lode.MaxBudgetTokens && !shows(enough) {
		enough = min(2*enough, lode.MaxBudgetTokens)
	}
	if !shows(enough) {
		detail := "another passage shows its text already"
		if w.silent(hits) {
			detail = "it has no text"
		}
		return &lode.Reason{Stage: lode.ReasonContext, Detail: detail, Remedy: "nothing is missing from the context"}, nil
	}
	return &lode.Reason{
		Stage: lode.ReasonContext, Values: map[string]float64{"budget_tokens": float64(w.now.BudgetTokens), "enough": float64(enough)},
		Detail: fmt.Sprintf("the passages before it leave no room in %d tokens", w.now.BudgetTokens),
		Remedy: fmt.Sprintf("raise budget_tokens to %d", enough), Change: &lode.Change{Field: "budget_tokens", Value: enough},
	}, nil
}

// cites reports whether a citation shows a passage of the document that is a hit.
func (w *inquiry) cites(c *lode.Citation, hits []*candidate) bool {
	if c.Chunk.Doc != w.doc.No {
		return false
	}
	return slices.ContainsFunc(hits, func(h *candidate) bool {
		return slices.Contains(w.rows, h.place) && (c.Chunk == h.read.Chunk.ID || c.Span.Overlaps(h.read.Chunk.Span))
	})
}

// silent reports whether no hit of the document has a text.
func (w *inquiry) silent(hits []*candidate) bool {
	return !slices.ContainsFunc(hits, func(h *candidate) bool {
		return slices.Contains(w.rows, h.place) && strings.TrimSpace(h.read.Chunk.Text) != ""
	})
}

// unproposed is why neither search proposes the document. Of two searches the one counts that needs
// less to do so.
func (w *inquiry) unproposed(ctx context.Context, a *answer) (*lode.Reason, error) {
	var reasons []*lode.Reason
	if a.mode != lode.ModeLexical {
		reason, err := w.missedVector(ctx, a)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, reason)
	}
	if a.mode != lode.ModeDense {
		reason, err := w.missedWords(ctx, a)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, reason)
	}
	least := slices.MinFunc(reasons, func(x, y *lode.Reason) int { return effort(x) - effort(y) })
	if len(reasons) == 2 {
		for _, other := range reasons {
			if other != least {
				least.Detail += "; " + other.Detail
			}
		}
	}
	return least, nil
}

// effort orders reasons by how little removes them.
func effort(r *lode.Reason) int {
	switch {
	case r == nil || r.Change == nil:
		return math.MaxInt
	case r.Change.Field == "ef" || r.Change.Field == "exact":
		return 0
	}
	n, _ := r.Change.Value.(int)
	return n
}

// missedVector compares the rows of the document exactly.
func (w *inquiry) missedVector(ctx context.Context, a *answer) (*lode.Reason, error) {
	v, err := a.s.vector(ctx, a.collections[0], a.mode)
	if err != nil {
		return nil, err
	}
	none := &lode.Reason{Stage: lode.ReasonDense, Detail: "the question has no vector", Remedy: "ask with other words"}
	if v == nil {
		return none, nil
	}
	ids := make([]lode.RowID, len(w.rows))
	for i, at := range w.rows {
		ids[i] = at.id
	}
	ranks, err := w.view.DenseRanks(ctx, v, w.now.Filter, ids)
	if err != nil {
		return nil, err
	}
	best := -1
	for i, r := range ranks {
		if r.Rank > 0 && (best < 0 || r.Rank < ranks[best].Rank) {
			best = i
		}
	}
	if best < 0 {
		none.Detail, none.Remedy = "none of its vectors is compared", "ask by words"
		return none, nil
	}
	w.note(ids[best])
	rank := ranks[best]
	reason := &lode.Reason{Stage: lode.ReasonDense, Values: map[string]float64{"rank": float64(rank.Rank), "score": rank.Score, "depth": float64(a.depth)}}
	if rank.Rank > a.depth {
		reason.Detail = fmt.Sprintf("%d rows are nearer than it is (%.4g), and %d are proposed", rank.Rank-1, rank.Score, a.depth)
		w.deeper(reason, a, rank.Rank)
		return reason, nil
	}
	reason.Detail = fmt.Sprintf("%d rows are nearer than it is (%.4g), and the search in graphs missed it", rank.Rank-1, rank.Score)
	return reason, w.widen(ctx, a, v, ids[best], reason)
}

// deeper is the remedy of a row that lies deeper than what a search proposes.
func (w *inquiry) deeper(reason *lode.Reason, a *answer, rank int) {
	field := "depth"
	if a.mode != lode.ModeHybrid && !a.staged() && w.now.Depth == 0 {
		field = "k"
	}
	if rank > lode.MaxDepth || field == "k" && rank > lode.MaxK {
		reason.Remedy = fmt.Sprintf("ask a narrower question: no %s reaches it", field)
		return
	}
	reason.Remedy, reason.Change = fmt.Sprintf("raise %s to %d", field, rank), &lode.Change{Field: field, Value: rank}
}

// widen looks for a breadth with which the search in graphs finds a row.
func (w *inquiry) widen(ctx context.Context, a *answer, v lode.Vector, id lode.RowID, reason *lode.Reason) error {
	for ef := max(2*w.now.Ef, 4*a.depth); ef <= lode.MaxEf; ef *= 4 {
		found, err := w.view.DenseWith(ctx, v, lode.DenseSearch{K: a.depth, Filter: w.now.Filter, Ef: ef})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(found, func(c lode.Candidate) bool { return c.Row == id }) {
			reason.Remedy, reason.Change = fmt.Sprintf("raise ef to %d", ef), &lode.Change{Field: "ef", Value: ef}
			return nil
		}
	}
	reason.Remedy, reason.Change = "search exactly", &lode.Change{Field: "exact", Value: true}
	return nil
}

// missedWords looks for the rows of the document among all that hold a word.
func (w *inquiry) missedWords(ctx context.Context, a *answer) (*lode.Reason, error) {
	found, err := w.view.LexicalWith(ctx, w.now.Text, lode.LexicalSearch{K: lode.MaxK, Filter: w.now.Filter, Syntax: w.now.Syntax})
	if err != nil {
		return nil, err
	}
	for i, c := range found {
		if !slices.Contains(w.rows, place{id: c.Row}) {
			continue
		}
		w.note(c.Row)
		reason := &lode.Reason{
			Stage: lode.ReasonLexical, Values: map[string]float64{"rank": float64(i + 1), "score": c.Score, "depth": float64(a.depth)},
			Detail: fmt.Sprintf("%d rows hold the words better, and %d are proposed", i, a.depth),
		}
		w.deeper(reason, a, i+1)
		return reason, nil
	}
	reason := &lode.Reason{Stage: lode.ReasonLexical, Detail: "it holds no word of the question", Remedy: "ask with words that it holds"}
	if a.mode == lode.ModeLexical && (len(w.now.Vector) > 0 || a.collections[0].Embedder.Provider != lode.ProviderNone) {
		reason.Remedy, reason.Change = "ask in hybrid mode", &lode.Change{Field: "mode", Value: lode.ModeHybrid}
	}
	for _, at := range w.rows[:min(len(w.rows), maxExplained)] {
		terms, err := w.view.LexicalExplain(ctx, w.now.Text, w.now.Syntax, at.id)
		if err != nil {
			return nil, err
		}
		if len(terms) > 0 {
			reason.Detail = "it holds words of the question, and more than 10,000 rows hold them better or the syntax asks for others"
			reason.Remedy, reason.Change = "ask a narrower question", nil
			break
		}
	}
	return reason, nil
}

// maxExplained bounds the passages of a document that are looked at for words one by one.
const maxExplained = 100
