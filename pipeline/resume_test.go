package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline"
)

func TestStopKeepsJobsAndStartResumes(t *testing.T) {
	for _, op := range []string{"Get", "Parse", "Embed", "StageSilver", "StageChunks", "Complete"} {
		t.Run(op, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := start(t, options(w))
				w.inject(op, fault{wait: make(chan struct{})})
				r := submit(t, p, "a", story)
				synctest.Wait()
				p.Stop()
				if w.completions() != 0 || w.count("Fail") != 0 || w.docs["a"].versions[1].State != lode.StatePending {
					t.Fatal("a stopped job got a verdict")
				}
				if err := p.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				if v := settle(t, p, r, lode.StateReady); v.Epoch != 2 {
					t.Errorf("resumed under epoch %d, want a new one", v.Epoch)
				}
			})
		})
	}
}

// Two pipelines believe that they own the job, as after a change of leader that the old
// one has not noticed.
func TestStaleOwnerIsFencedOff(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		old := start(t, options(w))
		gate := make(chan struct{})
		w.inject("Embed", fault{wait: gate})
		r := submit(t, old, "a", story)
		synctest.Wait()
		young := start(t, options(w))
		v := settle(t, young, r, lode.StateReady)
		close(gate)
		synctest.Wait()
		if w.completions() != 1 || v.Epoch != 2 || w.count("Fail") != 0 || old.Stats().Running != 0 {
			t.Errorf("%d completions, epoch %d, %d failures", w.completions(), v.Epoch, w.count("Fail"))
		}
	})
}

func TestNewerVersionOvertakes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		gate := make(chan struct{})
		w.inject("Parse", fault{wait: gate})
		first := submit(t, p, "a", story)
		synctest.Wait()
		second := submit(t, p, "a", story+" Changed.")
		if v := settle(t, p, second, lode.StateReady); v.Version != 2 {
			t.Errorf("version %d", v.Version)
		}
		_, err := p.Wait(t.Context(), anyone, "docs", first)
		wantCode(t, err, lode.CodeSuperseded)
		close(gate)
		synctest.Wait()
		if w.current("a") != 2 || w.completions() != 1 || w.count("Fail") != 0 {
			t.Errorf("current %d, %d completions", w.current("a"), w.completions())
		}
	})
}

func TestDeletedDocumentIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		gate := make(chan struct{})
		w.inject("Parse", fault{wait: gate})
		r := submit(t, p, "a", story)
		synctest.Wait()
		w.mu.Lock()
		delete(w.docs, "a")
		w.mu.Unlock()
		close(gate)
		_, err := p.Wait(t.Context(), anyone, "docs", r)
		wantCode(t, err, lode.CodeNotFound)
		synctest.Wait()
		if p.Stats() != (pipeline.Stats{}) || w.completions() != 0 || w.count("Fail") != 0 {
			t.Error("work went on for a deleted document")
		}
	})
}

func TestResumeOfALargeBacklog(t *testing.T) {
	const backlog = 5000
	bubble(t, func(t *testing.T, w *world) {
		first := start(t, options(w))
		// Nothing can be read, so nothing is worked on.
		for range 1 << 16 {
			w.faults["Get"] = append(w.faults["Get"], fault{err: lode.Errorf(lode.CodeUnavailable, "no")})
		}
		for i := range backlog {
			submit(t, first, fmt.Sprint(i), story)
		}
		first.Stop()
		w.mu.Lock()
		w.faults["Get"] = nil
		w.mu.Unlock()

		o := options(w)
		o.QueueDocuments, o.QueueBytes = 10, 10
		second := start(t, o)
		if _, err := second.Submit(t.Context(), anyone, submission("new", story)); !lode.IsCode(err, lode.CodeOverloaded) {
			t.Errorf("submit beside a backlog: %v", err)
		}
		synctest.Wait()
		if w.completions() != backlog {
			t.Errorf("%d of %d resumed", w.completions(), backlog)
		}
		submit(t, second, "new", story)
	})
}

func TestStartWhileTheLogIsNotReady(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Get", fault{wait: make(chan struct{})})
		r := submit(t, p, "a", story)
		synctest.Wait()
		p.Stop()
		unavailable := fault{err: lode.Errorf(lode.CodeUnavailable, "no leader")}
		w.inject("Jobs", unavailable, unavailable, unavailable)
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle(t, p, r, lode.StateReady)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Parse", fault{wait: make(chan struct{})})
		r := submit(t, p, "a", story)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Wait(ctx, anyone, "docs", r)
		wantCode(t, err, lode.CodeTimeout)
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = p.Wait(ctx, anyone, "docs", r)
		if !lode.IsCode(err, lode.CodeCanceled) {
			t.Errorf("got %v", err)
		}
	})
}

// A node that lags behind still shows the quarantine that a retry has ended.
func TestWaitIgnoresAnOlderEpoch(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Parse", fault{err: lode.Errorf(lode.CodeMalformed, "bad")})
		r := submit(t, p, "a", story)
		settle(t, p, r, lode.StateQuarantined)
		r.Epoch++
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := p.Wait(ctx, anyone, "docs", r)
		wantCode(t, err, lode.CodeTimeout)
	})
}

func TestStopAwaitsTheWorkers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		o, ended := options(w), false
		o.Parse = func(ctx context.Context, _ []byte, _ string) (*lode.SilverText, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // to clean up
			ended = true
			return nil, ctx.Err()
		}
		p := start(t, o)
		submit(t, p, "a", story)
		synctest.Wait()
		p.Stop()
		if !ended {
			t.Error("Stop returned before the work")
		}
	})
}

// The job runs on another node: only looking tells that it is done. A look that fails for
// a passing reason is repeated.
func TestWaitForAnotherNode(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		leader, follower := start(t, options(w)), pipeline.New(options(w))
		gate := make(chan struct{})
		w.inject("Parse", fault{wait: gate})
		r := submit(t, leader, "a", story)
		time.AfterFunc(10*time.Second, func() { close(gate) })
		w.inject("Document", fault{err: lode.Errorf(lode.CodeUnavailable, "no leader")})
		began := time.Now()
		settle(t, follower, r, lode.StateReady)
		if took := time.Since(began); took < 10*time.Second || took > 13*time.Second {
			t.Errorf("waited %s", took)
		}
	})
}

func TestWaitWakesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		gate := make(chan struct{})
		w.inject("Parse", fault{wait: gate})
		r := submit(t, p, "a", story)
		time.AfterFunc(10*time.Second, func() { close(gate) })
		began := time.Now()
		settle(t, p, r, lode.StateReady)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("woke after %s", took)
		}
	})
}
