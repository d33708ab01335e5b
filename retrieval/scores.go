package retrieval

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode"
)

// recency takes from the scores with age.
func (a *answer) recency(ctx context.Context, found []*candidate) error {
	spec := a.set.recency
	if spec == nil || len(found) == 0 {
		return nil
	}
	g := a.begin(StepRecency, len(found))
	if err := a.date(ctx, found, spec.Field); err != nil {
		return err
	}
	weight := spec.Weight
	if weight == 0 {
		weight = 1
	}
	for _, c := range found {
		lost := weight * (1 - math.Exp2(-c.age.Seconds()/time.Duration(spec.HalfLife).Seconds()))
		c.add(partRecency, -math.Abs(c.score)*lost)
	}
	best(found)
	g.end(len(found), "half-life %s, weight %.3g", spec.HalfLife, weight)
	return nil
}

// date gives candidates their age: by a field of the metadata, else by when bytes were received.
func (a *answer) date(ctx context.Context, found []*candidate, field string) error {
	now := a.s.q.AsOf
	if now.IsZero() {
		now = a.s.r.o.Clock()
	}
	undated := found
	if field != "" {
		if err := a.load(ctx, found, knownOf); err != nil {
			return err
		}
		undated = slices.DeleteFunc(slices.Clone(found), func(c *candidate) bool {
			at, ok := latest(c.read.Document.Metadata, field)
			c.age = max(0, now.Sub(at))
			return ok
		})
	}
	for at, of := range byView(undated, len(a.views)) {
		received, err := a.views[at].Received(ctx, idsOf(of))
		if err != nil {
			return err
		}
		for i, c := range of {
			c.age = max(0, now.Sub(received[i]))
		}
	}
	return nil
}

// latest is the latest of the times at a path.
func latest(m lode.Metadata, path string) (at time.Time, ok bool) {
	m.Each(path, func(v lode.Value) bool {
		if t, is := v.Time(); is && (!ok || t.After(at)) {
			at, ok = t, true
		}
		return true
	})
	return at, ok
}

// bound drops candidates that have a component below its least score, or lack it.
func (a *answer) bound(found []*candidate) []*candidate {
	least := a.s.q.MinScores
	if len(least) == 0 {
		return found
	}
	g := a.begin(StepMinScore, len(found))
	kept := slices.DeleteFunc(found, func(c *candidate) bool {
		for _, name := range lode.Components() {
			least, asked := least[name]
			if !asked {
				continue
			}
			if value, has := c.component(name); !has || value < least {
				a.s.watch.drop(c, drop{stage: StepMinScore, component: name, value: value, has: has, least: least})
				return true
			}
		}
		return false
	})
	g.end(len(kept), "%d least scores", len(least))
	return kept
}

// component is a part of a candidate's score by its name.
func (c *candidate) component(name lode.Component) (value float64, has bool) {
	own := func(score *float64) (float64, bool) {
		if score == nil {
			return 0, false
		}
		return *score, true
	}
	switch name {
	case lode.ComponentDense:
		return own(c.dense)
	case lode.ComponentLexical:
		return own(c.lexical)
	case lode.ComponentRerank:
		return own(c.rerank)
	case lode.ComponentFused:
		return c.fused, true
	}
	return c.score, true
}
