package retrieval

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Reranker orders passages by how well they answer a question.
type Reranker interface {
	// Rank returns a score for each passage, in their order. Contributions sum to the score to the
	// bit.
	Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error)
}

// rerank has the best candidates scored by a re-ranker, whose score becomes theirs. Candidates that
// it does not see stay behind those in their order: a summand takes them below the last one. A
// re-ranker that is not done when the time of the query is over changes nothing.
func (a *answer) rerank(ctx context.Context, found []*candidate) ([]*candidate, error) {
	if a.set.rerank == nil || len(found) == 0 {
		return found, nil
	}
	spec := a.set.rerank
	g := a.begin(StepRerank, len(found))
	seen := found[:min(a.rerankDepth(), len(found))]
	hurry, stop := a.s.hurry(ctx)
	defer stop()
	err := a.load(ctx, seen, textOf)
	var scores [][]lode.ScoreContribution
	if err == nil {
		scores, err = a.scoresOf(hurry, seen)
	}
	if err != nil && lateAlone(ctx, hurry) {
		a.partial("the re-ranker " + spec.Name + " did not finish")
		g.end(len(found), "did not finish in time")
		return found, nil
	}
	if err != nil {
		a.s.r.stepDone(StepRerank, a.s.r.o.Clock().Sub(g.start), err)
		return nil, err
	}
	for i, c := range seen {
		c.replace(scores[i])
		score := c.score
		c.rerank = &score
	}
	// Equal scores keep the order that was: the re-ranker has no opinion there.
	slices.SortStableFunc(seen, func(a, b *candidate) int { return cmp.Compare(b.score, a.score) })
	behind(seen[len(seen)-1].score, found[len(seen):])
	g.end(len(found), "%s saw %d", spec.Name, len(seen))
	return found, nil
}

// rerankDepth is how many candidates the re-ranker sees: at least k, as far as its bound allows.
func (a *answer) rerankDepth() int {
	depth := a.set.rerank.Depth
	if depth == 0 {
		depth = lode.DefaultRerank
	}
	return min(max(depth, a.s.q.K), lode.MaxRerankDepth)
}

// behind takes candidates, best first, below a score.
func behind(score float64, rest []*candidate) {
	if len(rest) == 0 || rest[0].score < score {
		return
	}
	shift := score - rest[0].score
	for rest[0].score+shift >= score {
		shift = math.Nextafter(shift, math.Inf(-1))
	}
	for _, c := range rest {
		c.add(partRerank, shift)
	}
}

// scoresOf asks the re-ranker of each collection about its candidates.
func (a *answer) scoresOf(ctx context.Context, seen []*candidate) ([][]lode.ScoreContribution, error) {
	name, scores := a.set.rerank.Name, map[*candidate][]lode.ScoreContribution{}
	if len(a.views) > 1 && name == RerankFeatures {
		return nil, lode.Invalid("rerank.name", name, "a re-ranker that was trained for one collection cannot order the hits of several").
			WithHint("name another, or none")
	}
	for at, of := range byView(seen, len(a.views)) {
		if len(of) == 0 {
			continue
		}
		by, err := a.s.r.reranker(a.collections[at], name)
		if err != nil {
			return nil, err
		}
		ranked, err := by.Rank(ctx, a.s.q.Text, a.passages(of))
		if err != nil {
			return nil, err
		}
		if len(ranked) != len(of) {
			return nil, lode.Errorf(lode.CodeProvider, "re-ranker %s gave %d scores for %d passages", name, len(ranked), len(of))
		}
		for i, c := range of {
			if scores[c], err = contributions(&ranked[i], name); err != nil {
				return nil, err
			}
		}
	}
	out := make([][]lode.ScoreContribution, len(seen))
	for i, c := range seen {
		out[i] = scores[c]
	}
	return out, nil
}

// RerankFeatures is the name of the re-ranker that is trained for a collection.
const RerankFeatures = "features"

func (r *Retriever) reranker(c lode.Collection, name string) (Reranker, error) {
	if r.o.RerankerFor == nil {
		return nil, lode.Invalid("rerank.name", name, "this node has no re-rankers")
	}
	return r.o.RerankerFor(c, name)
}

// contributions checks what a re-ranker said.
func contributions(s *lode.RerankScore, name string) ([]lode.ScoreContribution, error) {
	if math.IsNaN(s.Score) || math.IsInf(s.Score, 0) {
		return nil, lode.Errorf(lode.CodeProvider, "re-ranker %s gave a score that is no number", name)
	}
	if len(s.Contributions) == 0 {
		return []lode.ScoreContribution{{Name: partRerank, Value: s.Score}}, nil
	}
	sum := 0.0
	for _, c := range s.Contributions {
		sum += c.Value
	}
	if sum != s.Score {
		return nil, lode.Errorf(lode.CodeProvider, "re-ranker %s gave contributions that sum to %v for a score of %v", name, sum, s.Score)
	}
	return slices.Clone(s.Contributions), nil
}

// passages are candidates as a re-ranker sees them.
func (a *answer) passages(of []*candidate) []lode.RerankPassage {
	now := a.s.r.o.Clock()
	out := make([]lode.RerankPassage, len(of))
	for i, c := range of {
		f := lode.RerankFeatures{
			DenseRank: c.denseRank, LexicalRank: c.lexicalRank, Fused: c.score, Tokens: c.read.Chunk.Tokens, Age: c.age,
		}
		f.Dense, f.HasDense = c.component(lode.ComponentDense)
		f.Lexical, f.HasLexical = c.component(lode.ComponentLexical)
		if f.Age == 0 && !c.read.Version.ReceivedAt.IsZero() {
			f.Age = max(0, now.Sub(c.read.Version.ReceivedAt))
		}
		out[i] = lode.RerankPassage{Row: c.id, Title: c.read.Version.Title, Path: c.read.Chunk.Path, Text: c.read.Chunk.Shown(), Features: f}
	}
	return out
}
