package collection_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// moment is what was shown at a time.
type moment struct {
	at    time.Time
	world *modelWorld
}

// remember notes what is shown now.
func (m *model) remember() {
	at := m.tick()
	m.moments = append(m.moments, moment{at, &modelWorld{asPast(m.docs), asPast(m.points), at}})
}

func asPast(docs map[lode.DocID]*modelDoc) map[lode.DocID]*modelDoc {
	past := map[lode.DocID]*modelDoc{}
	for id, d := range docs {
		if len(d.shown) > 0 {
			past[id] = &modelDoc{shown: slices.Clone(d.shown), metadata: d.metadata, readers: d.readers, uri: d.uri, who: d.who, past: true}
		}
	}
	return past
}

// verifyPast asks about a moment, often one that was asked about before.
func (m *model) verifyPast(t *rapid.T) {
	if m.kept == 0 || rapid.IntRange(0, 2).Draw(t, "past") > 0 {
		return
	}
	of := m.moments[rapid.IntRange(0, len(m.moments)-1).Draw(t, "moment")]
	if v, err := m.ViewAsOf(ctx, root, "c", of.at); lode.IsCode(err, lode.CodeInvalid) {
		now := m.tick()
		if start := now.Add(-m.kept); !of.at.Before(m.from) && of.at.After(start) {
			t.Fatalf("there is no %s at %s, kept for %s from %s on: %v", of.at, now, m.kept, m.from, err)
		}
		return
	} else if err != nil || v == nil {
		t.Fatal(err)
	}
	if of.at.Before(m.from) {
		t.Fatalf("%s is answered, the history begins at %s", of.at, m.from)
	}
	if of.at.Before(m.tick().Add(10*time.Second - m.kept)) {
		return // it ends while it is asked about
	}
	m.asked++
	m.verifyView(t, of.world, func(p lode.Principal) (*collection.View, error) { return m.ViewAsOf(ctx, p, "c", of.at) })
}

// History begins one, ends it, or changes how long it is.
func (m *model) History(t *rapid.T) {
	kept := rapid.SampledFrom([]time.Duration{0, 20 * time.Second, 2 * time.Minute, time.Hour, time.Hour}).Draw(t, "kept")
	if err := m.keepFor(kept); err != nil {
		t.Fatal(err)
	}
}

func (m *model) keepFor(kept time.Duration) error {
	period := lode.Period(kept)
	made, err := m.Tune(ctx, root, lode.Write{}, "c", lode.TuningChange{History: &period})
	if err != nil {
		return err
	}
	if (made.Tuning.HistoryFrom == nil) != (kept == 0) {
		return fmt.Errorf("%s is kept from %v on", kept, made.Tuning.HistoryFrom)
	}
	if m.kept = kept; kept > 0 {
		m.from = *made.Tuning.HistoryFrom
	}
	return nil
}

// Prune forgets what is old. It may take more from a history that was made longer before.
func (m *model) Prune(t *rapid.T) {
	if _, err := m.PruneHistory(ctx); err != nil {
		t.Fatal(err)
	}
	c, _, err := m.Collection(ctx, root, "c")
	if err != nil {
		t.Fatal(err)
	}
	if c.Tuning.HistoryFrom != nil {
		m.from = *c.Tuning.HistoryFrom
	}
}

// Describe patches the readers of everything of a year.
func (m *model) Describe(t *rapid.T) {
	metadata, readers := m.anyFacts(t)
	year, ok := metadata["year"]
	if !ok {
		t.Skip("no year")
	}
	readers = append([]string{}, readers...)
	patch := lode.Patch{Readers: &readers, Set: lode.Metadata{"seen": lode.BoolValue(true)}}
	s := collection.Selection{Kind: lode.KindVector, Filter: lode.WhereEq("year", year)}
	if _, err := m.Patch(ctx, root, lode.Write{}, "c", s, patch); err != nil {
		t.Fatal(err)
	}
	for _, d := range m.points {
		if is, ok := d.metadata["year"]; ok && is.Int == year.Int {
			d.metadata = lode.Metadata{"year": year, "seen": lode.BoolValue(true)}
			d.readers = readers
		}
	}
}
