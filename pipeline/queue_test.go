package pipeline

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodedb/lode"
)

func job(doc, epoch int) lode.Job {
	return lode.Job{Collection: 1, Doc: lode.DocNo(doc), Version: 1, Epoch: uint32(epoch)}
}

// A sweep may see a job in the log before the submission that made it comes to queue it.
func TestSweepBeforeSubmit(t *testing.T) {
	q := newQueue(10, 100)
	if err := q.reserve(40); err != nil {
		t.Fatal(err)
	}
	if added := q.resume([]lode.Job{job(1, 1)}); added != 1 {
		t.Fatalf("added %d", added)
	}
	q.submit(job(1, 1), 40, time.Time{})
	if s := q.stats(); s.Waiting != 1 || s.Bytes != 0 {
		t.Errorf("load %+v, want one job and the room given back", s)
	}
	if e, ok := q.next(); !ok || e.owned {
		t.Errorf("entry %+v: a resumed job must be claimed", e)
	}
}

func TestRetryOfAWaitingJobTakesTheNewEpoch(t *testing.T) {
	q := newQueue(10, 100)
	q.resume([]lode.Job{job(1, 1)})
	q.retry(job(1, 2))
	q.retry(job(1, 1)) // late
	e, _ := q.next()
	if e.job.Epoch != 2 || !e.owned || q.stats().Waiting != 0 {
		t.Errorf("entry %+v", e)
	}
}

func TestRetryOfARunningJobRunsAfterIt(t *testing.T) {
	q := newQueue(10, 100)
	q.resume([]lode.Job{job(1, 1)})
	running, _ := q.next()
	q.retry(job(1, 3))
	q.resume([]lode.Job{job(1, 3)})
	if q.stats().Waiting != 0 {
		t.Fatal("the job is in work and waits as well")
	}
	q.finish(running)
	if e, _ := q.next(); e.job.Epoch != 3 || !e.owned {
		t.Errorf("entry %+v", e)
	}
}

func TestClosedQueueTakesNothing(t *testing.T) {
	q := newQueue(10, 100)
	if err := q.reserve(7); err != nil {
		t.Fatal(err)
	}
	q.close()
	if err := q.reserve(1); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("reserve: %v", err)
	}
	q.submit(job(1, 1), 7, time.Time{})
	if _, ok := q.next(); ok || q.stats() != (Stats{}) {
		t.Errorf("load %+v", q.stats())
	}
}

// Random operations against a plain account of the room: it never leaks, limits hold, and
// no job is in work twice.
func TestQueueModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const maxCount, maxBytes = 4, 100
		q := newQueue(maxCount, maxBytes)
		var running []*entry
		reserved := map[int]int64{} // by document
		inWork := map[jobKey]bool{}
		doc := 0
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				size := rapid.Int64Range(1, 150).Draw(t, "size")
				before := q.stats().Bytes
				if err := q.reserve(size); err != nil {
					return
				}
				if before > 0 && before+size > maxBytes {
					t.Fatalf("%d bytes admitted beside %d", size, before)
				}
				doc++
				reserved[doc] = size
			},
			"submit or release": func(t *rapid.T) {
				if len(reserved) == 0 {
					return
				}
				d := slices.Min(slices.Collect(maps.Keys(reserved)))
				size := reserved[d]
				delete(reserved, d)
				if rapid.Bool().Draw(t, "nothing to do") {
					q.release(size)
					return
				}
				q.submit(job(d, 1), size, time.Time{})
			},
			"resume": func(t *rapid.T) { q.resume([]lode.Job{job(rapid.IntRange(1, doc+1).Draw(t, "doc"), 1)}) },
			"retry": func(t *rapid.T) {
				q.retry(job(rapid.IntRange(1, doc+1).Draw(t, "doc"), rapid.IntRange(1, 3).Draw(t, "epoch")))
			},
			"next": func(t *rapid.T) {
				if q.stats().Waiting == 0 {
					return
				}
				e, _ := q.next()
				if inWork[keyOf(e.job)] {
					t.Fatalf("job %v is in work twice", e.job)
				}
				inWork[keyOf(e.job)] = true
				running = append(running, e)
			},
			"finish": func(t *rapid.T) {
				if len(running) == 0 {
					return
				}
				delete(inWork, keyOf(running[0].job))
				q.finish(running[0])
				running = running[1:]
			},
			"": func(t *rapid.T) {
				if s := q.stats(); s.Bytes < 0 || s.Running != len(running) {
					t.Fatalf("load %+v", s)
				}
			},
		})
		for d, size := range reserved {
			delete(reserved, d)
			q.release(size)
		}
		for len(running) > 0 || q.stats().Waiting > 0 {
			for _, e := range running {
				q.finish(e)
			}
			running = nil
			if q.stats().Waiting > 0 {
				e, _ := q.next()
				running = append(running, e)
			}
		}
		if q.stats() != (Stats{}) || len(q.mu.known) != 0 || q.mu.reserved != 0 {
			t.Fatalf("room leaked: %+v, %d known, %d reserved", q.stats(), len(q.mu.known), q.mu.reserved)
		}
	})
}
