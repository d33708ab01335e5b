package retrieval

import (
	"context"
	"fmt"
	"time"

	"github.com/lodedb/lode"
)

// trace remembers what stages did, for the explanation of a query. A nil trace remembers nothing.
type trace struct{ stages []lode.StageExplanation }

func (t *trace) add(stage Step, in, out int, took time.Duration, format string, args ...any) {
	if t == nil {
		return
	}
	t.stages = append(t.stages, lode.StageExplanation{Stage: string(stage), In: in, Out: out, Nanos: took.Nanoseconds(), Detail: fmt.Sprintf(format, args...)})
}

// stage is the clock of a stage: of metrics always, of the explanation where one is asked for.
type stage struct {
	a     *answer
	step  Step
	in    int
	start time.Time
}

func (a *answer) begin(step Step, in int) stage {
	return stage{a, step, in, a.s.r.o.Clock()}
}

// end reports a stage that is done.
func (g stage) end(out int, format string, args ...any) {
	took := g.a.s.r.o.Clock().Sub(g.start)
	g.a.s.r.stepDone(g.step, took, nil)
	g.a.trace.add(g.step, g.in, out, took, format, args...)
}

// explainLegs tells of the searches.
func (a *answer) explainLegs(dense, lexical *leg) {
	if a.trace == nil {
		return
	}
	if dense.embed > 0 && len(a.s.q.Vector) == 0 {
		a.trace.add(StepEmbed, 0, 0, dense.embed, "%s", a.collections[0].Embedder.Model)
	}
	for _, x := range []struct {
		step Step
		leg  *leg
	}{{StepDense, dense}, {StepLexical, lexical}} {
		switch {
		case x.leg.late:
			a.trace.add(x.step, 0, len(x.leg.found), x.leg.took, "did not finish in time")
		case x.leg.asked:
			a.trace.add(x.step, 0, len(x.leg.found), x.leg.took, "up to %d rows of each collection", a.depth)
		}
	}
}

// explain tells why the hits stand where they do.
func (a *answer) explain(ctx context.Context, hits []lode.Hit, of []*candidate) error {
	if a.trace == nil {
		return nil
	}
	for i := range hits {
		c := of[i]
		x := &lode.HitExplanation{Contributions: c.parts, DenseRank: c.denseRank, LexicalRank: c.lexicalRank}
		if a.mode != lode.ModeDense {
			q, view := &a.s.q, a.views[c.at]
			var err error
			if x.Terms, err = view.LexicalExplain(ctx, q.Text, q.Syntax, c.id); err != nil {
				return err
			}
			x.Highlights = view.Highlight(q.Text, q.Syntax, hits[i].Row.Chunk.Text, hits[i].Row.Version.Language)
		}
		hits[i].Explanation = x
	}
	return nil
}
