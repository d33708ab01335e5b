package pipeline_test

import (
	"testing"
	"testing/synctest"

	"github.com/lodedb/lode"
)

// named is a submission with a key.
func named(key, id, content string) lode.Submission {
	s := submission(id, content)
	s.Write = lode.Write{Key: key, Request: lode.HashOf([]byte(content))}
	return s
}

// TestRepeatedSubmission is answered with the first receipt: no bytes are stored and nothing
// is processed again, whatever became of the document since.
func TestRepeatedSubmission(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		first, err := p.Submit(t.Context(), anyone, named("k", "a", story))
		if err != nil || first.Replayed || first.Outcome != lode.OutcomeCreated {
			t.Fatal(first, err)
		}
		settle(t, p, first, lode.StateReady)
		settle(t, p, submit(t, p, "a", story+" More."), lode.StateReady)
		puts := w.count("Put")
		again, err := p.Submit(t.Context(), anyone, named("k", "a", story))
		synctest.Wait()
		if err != nil || !again.Replayed || again.Version != first.Version || again.Outcome != first.Outcome {
			t.Errorf("again: %+v, %v", again, err)
		}
		if w.count("Put") != puts || w.completions() != 2 || w.current("a") != 2 || p.Stats().Bytes != 0 {
			t.Errorf("%d puts, %d completions, version %d, %+v", w.count("Put")-puts, w.completions(), w.current("a"), p.Stats())
		}
		// What would refuse a new write does not refuse a repeated one.
		gone := named("k", "a", story)
		gone.Collection = "gone"
		if r, err := p.Submit(t.Context(), anyone, gone); err != nil || !r.Replayed {
			t.Errorf("after the collection was deleted: %+v, %v", r, err)
		}
		gone.Write.Key = "other"
		if _, err := p.Submit(t.Context(), anyone, gone); !lode.IsCode(err, lode.CodeNotFound) {
			t.Errorf("another write into a collection that is gone: %v", err)
		}
	})
}

// TestSubmissionsRaceUnderOneKey: the second is told by the log that it came second.
func TestSubmissionsRaceUnderOneKey(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Submitted", fault{}, fault{err: lode.Errorf(lode.CodeUnavailable, "starting")})
		gate := make(chan struct{})
		w.inject("Submit", fault{wait: gate}, fault{wait: gate})
		results := make(chan lode.Receipt, 2)
		send := func() {
			r, err := p.Submit(t.Context(), anyone, named("k", "a", story))
			if err != nil {
				t.Error(err)
			}
			results <- r
		}
		go send()
		synctest.Wait()
		if _, err := p.Submit(t.Context(), anyone, named("k", "a", story)); !lode.IsCode(err, lode.CodeUnavailable) {
			t.Errorf("a lookup that fails: %v", err)
		}
		go send()
		synctest.Wait()
		close(gate)
		one, two := <-results, <-results
		if one.Replayed == two.Replayed || one.Version != two.Version {
			t.Errorf("%+v, %+v", one, two)
		}
		settle(t, p, one, lode.StateReady)
		synctest.Wait()
		if w.completions() != 1 || p.Stats().Bytes != 0 {
			t.Errorf("%d completions, %+v", w.completions(), p.Stats())
		}
	})
}

// TestLostAnswerIsAskedAgain: the document of a submission whose answer was lost is found, and
// the same key says so.
func TestLostAnswerIsAskedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Submit", fault{err: lode.Errorf(lode.CodeOutcomeUnknown, "lost"), after: true})
		if _, err := p.Submit(t.Context(), anyone, named("k", "a", story)); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
			t.Fatal(err)
		}
		r, err := p.Submit(t.Context(), anyone, named("k", "a", story))
		if err != nil || !r.Replayed || r.Outcome != lode.OutcomeCreated {
			t.Errorf("%+v, %v", r, err)
		}
		settle(t, p, r, lode.StateReady)
		if w.completions() != 1 {
			t.Errorf("%d completions", w.completions())
		}
	})
}
