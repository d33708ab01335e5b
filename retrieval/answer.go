package retrieval

import (
	"context"
	"reflect"
	"strings"

	"github.com/lodedb/lode"
)

// answer is a query on its way over one view of each collection.
type answer struct {
	s           *search
	views       []View
	collections []lode.Collection
	mode        lode.Mode // as the collections allow
	set         settings
	depth       int    // candidates of each search
	more        bool   // there may be more than that
	trace       *trace // nil: no explanation is asked for
	result      *lode.Result
}

// settings are what the query says of ranking, else its collections, else Lode.
type settings struct {
	weight  weight
	fusion  lode.Fusion
	rerank  *lode.Rerank // nil: none
	recency *lode.Recency
}

// answer prepares to answer from the views.
func (s *search) answer(views []View) (*answer, error) {
	a := &answer{s: s, views: views, result: &lode.Result{}}
	for _, v := range views {
		a.collections = append(a.collections, v.Collection())
	}
	var err error
	if a.mode, err = s.fit(a.collections); err != nil {
		return nil, err
	}
	a.settle(rankingOf(a.collections))
	if s.q.Explain {
		a.trace = &trace{}
	}
	if a.depth = s.q.Depth; a.depth == 0 {
		a.depth = s.q.K
		if a.mode == lode.ModeHybrid || a.staged() {
			a.depth = candidateDepth(s.q.K)
		}
	}
	return a, nil
}

// rankingOf is what the collections say, where they say the same; else nothing.
func rankingOf(of []lode.Collection) *lode.Ranking {
	first := of[0].Tuning.Ranking
	if first == nil {
		return &lode.Ranking{}
	}
	for i := range of[1:] {
		if !alike(first, of[i+1].Tuning.Ranking) {
			return &lode.Ranking{}
		}
	}
	return first
}

// alike reports whether queries are answered alike under both: all but the reason is the same.
func alike(r, o *lode.Ranking) bool {
	if r == nil || o == nil {
		return r == o
	}
	a, b := *r, *o
	a.Reason, b.Reason = "", ""
	return reflect.DeepEqual(a, b)
}

func (a *answer) settle(ranking *lode.Ranking) {
	q := &a.s.q
	a.set = settings{fusion: q.Fusion, rerank: q.Rerank, recency: q.Recency}
	if a.mode == lode.ModeHybrid {
		a.set.weight = a.s.weight(ranking, &a.collections[0])
	}
	if a.set.fusion == "" {
		a.set.fusion = ranking.Fusion
	}
	if a.set.fusion == "" {
		a.set.fusion = lode.FusionMinMax
	}
	if a.set.rerank == nil {
		a.set.rerank = ranking.Rerank
	}
	if a.set.rerank != nil && (a.set.rerank.Name == lode.RerankNone || q.Text == "") {
		a.set.rerank = nil // there is no question to read passages by
	}
	if a.set.recency == nil {
		a.set.recency = ranking.Recency
	}
}

// staged reports whether a stage may put a row in front that the search ranked behind the k best.
func (a *answer) staged() bool {
	return a.set.recency != nil || a.set.rerank != nil || a.dropping() || a.s.q.Diversity != nil
}

// dropping reports whether a stage may drop rows because of others.
func (a *answer) dropping() bool {
	q := &a.s.q
	return q.Collapse != nil || q.PerDocument > 0 || q.PerSource > 0
}

// partial notes what the answer lacks because its time was over.
func (a *answer) partial(what string) {
	a.result.Partial = true
	a.result.PartialReason = strings.TrimPrefix(a.result.PartialReason+"; "+what, "; ")
}

// deepenings and deepenBy bound how often and by how much the searches go deeper where collapse
// and caps leave fewer than k hits: to 16 times the depth.
const (
	deepenings = 2
	deepenBy   = 4
)

// run answers the query.
func (a *answer) run(ctx context.Context) (*lode.Result, error) {
	kept, err := a.choose(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.load(ctx, kept, textOf); err != nil {
		return nil, err
	}
	hits := make([]lode.Hit, len(kept))
	for i, c := range kept {
		hits[i] = c.hit()
		if len(a.views) > 1 {
			hits[i].Collection = a.collections[c.at].Name
		}
	}
	if err := a.explain(ctx, hits, kept); err != nil {
		return nil, err
	}
	a.result.Mode, a.result.Hits = a.mode, hits
	if err := a.assemble(ctx, kept); err != nil {
		return nil, err
	}
	if a.trace != nil {
		a.result.Explanation = &lode.QueryExplanation{Stages: a.trace.stages}
	}
	return a.result, nil
}

// choose ranks and picks, and goes deeper where that leaves too few.
func (a *answer) choose(ctx context.Context) ([]*candidate, error) {
	for tries := 0; ; tries++ {
		ranked, err := a.rank(ctx)
		if err != nil {
			return nil, err
		}
		kept, dropped, err := a.pick(ctx, ranked)
		if err != nil || len(kept) >= a.s.q.K || dropped == 0 || tries == deepenings || !a.deeper() {
			return kept, err
		}
	}
}

// deeper lets the searches go deeper next time, if that can find anything and may be done: a depth
// that was asked for stays, and a re-ranker is asked once.
func (a *answer) deeper() bool {
	if !a.more || a.s.q.Depth != 0 || a.set.rerank != nil || a.s.late() {
		return false
	}
	was := a.depth
	a.depth = min(deepenBy*a.depth, lode.MaxDepth)
	return a.depth > was
}

// rank returns all candidates, best first.
func (a *answer) rank(ctx context.Context) ([]*candidate, error) {
	dense, lexical, err := a.legs(ctx)
	if err != nil {
		return nil, err
	}
	a.explainLegs(&dense, &lexical)
	a.more = dense.more || lexical.more
	a.suggest(ctx, &lexical)
	found := a.fuse(&dense, &lexical)
	if err := a.recency(ctx, found); err != nil {
		return nil, err
	}
	if found, err = a.rerank(ctx, found); err != nil {
		return nil, err
	}
	return a.bound(found), nil
}

func (a *answer) fuse(dense, lexical *leg) []*candidate {
	g := a.begin(StepFuse, len(dense.found)+len(lexical.found))
	f := fusion{mode: a.mode}
	if a.mode != lode.ModeHybrid {
		found := f.fuse(dense.found, lexical.found)
		g.end(len(found), "one search: its own scores")
		return found
	}
	w := a.set.weight.adjust(dense, lexical, a.most)
	a.result.DenseWeight, a.result.WeightReason = w.dense, w.reason
	f.how, f.dense = a.set.fusion, w.dense
	found := f.fuse(dense.found, lexical.found)
	g.end(len(found), "%s, dense weight %.3g: %s", f.how, w.dense, w.reason)
	return found
}

// fewRows is how few rows a search for words may find before its words are looked at for slips.
const fewRows = 3

// mostSuggestions bounds [lode.Result].Suggestions.
const mostSuggestions = 5

// suggest asks how documents spell the words, where few hold them. It is left out where time is
// short, and its failure is no failure of the query.
func (a *answer) suggest(ctx context.Context, lexical *leg) {
	if !lexical.asked || lexical.late || len(lexical.found) >= fewRows || a.result.Suggestions != nil {
		return
	}
	hurry, stop := a.s.hurry(ctx)
	defer stop()
	for _, v := range a.views {
		found, err := v.Suggest(hurry, a.s.q.Text, mostSuggestions)
		if err != nil {
			a.s.r.o.Logger.Debug("no suggestions", "error", lode.CodeOf(err))
			continue
		}
		a.result.Suggestions = merged(a.result.Suggestions, found)
	}
}

// merged adds suggestions that are not there yet.
func merged(have, more []lode.Suggestion) []lode.Suggestion {
	for _, s := range more {
		known := false
		for i := range have {
			if have[i].Word == s.Word && have[i].Instead == s.Instead {
				have[i].Rows += s.Rows
				known = true
			}
		}
		if !known && len(have) < mostSuggestions {
			have = append(have, s)
		}
	}
	return have
}
