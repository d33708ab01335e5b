package collection_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
)

// slowIndex is an index that is made when a test lets it, and says that it is wanted.
type slowIndex struct {
	mu      sync.Mutex
	wanted  chan struct{}
	release chan struct{} // nil: nothing waits
}

func (s *slowIndex) make(dim int, m lode.Metric) index.Dense {
	s.mu.Lock()
	wanted, release := s.wanted, s.release
	s.wanted, s.release = nil, nil
	s.mu.Unlock()
	if release != nil {
		close(wanted)
		<-release
	}
	return flat.New(dim, m)
}

// slow makes the next index wait until release is closed.
func (s *slowIndex) slow() (wanted <-chan struct{}, release chan<- struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted, s.release = make(chan struct{}), make(chan struct{})
	return s.wanted, s.release
}

// TestSlowPast: while a state is loaded who waits for another may leave, and the load goes on when
// who asked for it has left.
func TestSlowPast(t *testing.T) {
	slow, asked := new(slowIndex), 0
	n := open(t, func(o *collection.Options) {
		o.NewDense = slow.make
		o.Memory = func(int64) error { asked++; return nil }
	})
	n.create("c")
	n.keep(time.Hour)
	n.point("p", "a")
	at, other := n.tick(), n.tick()
	wanted, release := slow.slow()
	first, leave := context.WithCancel(ctx)
	left := make(chan error)
	go func() {
		_, err := n.ViewAsOf(first, root, "c", at)
		left <- err
	}()
	<-wanted
	waiting, stop := context.WithCancel(ctx)
	go stop()
	_, err := n.ViewAsOf(waiting, root, "c", other) // without an end when the context is not looked at
	wantCode(t, err, lode.CodeCanceled)
	leave()
	wantCode(t, <-left, lode.CodeCanceled)
	close(release)
	if got := n.saw(root, at); got != "p" || asked != 1 {
		t.Errorf("%q was shown, after %d loads", got, asked)
	}
}

// TestClosedWhileThePastIsLoaded: a load ends with the engine, not after the store.
func TestClosedWhileThePastIsLoaded(t *testing.T) {
	slow := new(slowIndex)
	n := open(t, func(o *collection.Options) { o.NewDense = slow.make })
	n.create("c")
	n.keep(time.Hour)
	n.point("p", "a")
	at := n.tick()
	wanted, release := slow.slow()
	ended := make(chan error)
	go func() {
		_, err := n.ViewAsOf(ctx, root, "c", at)
		ended <- err
	}()
	<-wanted
	go close(release)
	n.stop()
	if err := <-ended; err != nil { // it may have been faster
		wantCode(t, err, lode.CodeUnavailable)
	}
	n.start()
}

// TestHistoryIsPrunedWhileWaiting: a question that waits while what it asks about is forgotten is
// refused, not answered without that.
func TestHistoryIsPrunedWhileWaiting(t *testing.T) {
	var n *node
	var hold atomic.Bool // the next who looks at the clock
	asked, forgotten := make(chan struct{}), make(chan struct{})
	n = open(t, func(o *collection.Options) {
		o.Clock = func() time.Time {
			if hold.CompareAndSwap(true, false) {
				close(asked)
				<-forgotten
			}
			return n.tick()
		}
	})
	n.create("c")
	n.keep(time.Hour)
	n.point("p", "a")
	at := n.tick()
	n.delete(lode.KindVector, "p")
	hold.Store(true)
	ended := make(chan error)
	go func() {
		_, err := n.ViewAsOf(ctx, root, "c", at)
		ended <- err
	}()
	<-asked
	n.keep(0)
	if pruned, err := n.PruneHistory(ctx); err != nil || pruned != 1 {
		t.Fatal(pruned, err)
	}
	close(forgotten)
	wantCode(t, <-ended, lode.CodeInvalid)
}

// TestMemoryOfThePast: what a larger past takes is asked for, not what there is now.
func TestMemoryOfThePast(t *testing.T) {
	var most int64
	n := open(t, func(o *collection.Options) {
		o.Memory = func(bytes int64) error {
			most = max(most, bytes)
			if bytes > 100*512 {
				return lode.Errorf(lode.CodeOverloaded, "no room for %d bytes", bytes)
			}
			return nil
		}
	})
	n.create("c")
	n.keep(time.Hour)
	var points []lode.Point
	var ids []lode.DocID
	for i := range 200 {
		id := lode.DocID(string(rune('A'+i/26)) + string(rune('a'+i%26)))
		points, ids = append(points, lode.Point{ID: id, Vector: vectorOf(string(id))}), append(ids, id)
	}
	if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
		t.Fatal(err)
	}
	at := n.tick()
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, ids[1:]); err != nil {
		t.Fatal(err)
	}
	n.restart()
	_, err := n.ViewAsOf(ctx, root, "c", at)
	wantCode(t, err, lode.CodeOverloaded)
	if least := int64(200 * 512); most < least {
		t.Errorf("%d bytes are asked for, want %d or more", most, least)
	}
}

func (n *node) set(now time.Time) {
	n.clock.Lock()
	defer n.clock.Unlock()
	n.now = now
}

// TestHistoryBeginsAgain: what is noted of an earlier history is none of the next, and is forgotten
// at once, also where clocks went back.
func TestHistoryBeginsAgain(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	n.point("described", "a")
	n.point("deleted", "a")
	n.point("shown", "a")
	begin := n.tick()
	n.set(begin.Add(time.Minute))
	n.point("described", "b")
	n.point("shown", "b")
	n.delete(lode.KindVector, "deleted")
	n.set(begin) // of another leader
	n.keep(0)
	n.delete(lode.KindVector, "described") // its version goes, what was said of it does not yet
	n.keep(time.Hour)
	at := n.tick()
	n.check()
	if got := n.saw(root, at); got != "shown" {
		t.Errorf("%q was shown", got)
	}
	if pruned, err := n.PruneHistory(ctx); err != nil || pruned != 3 {
		t.Errorf("%d of the earlier history are forgotten, want 3: %v", pruned, err)
	}
	if got := n.saw(root, at); got != "shown" {
		t.Errorf("%q was shown", got)
	}
}

// TestHistoryIsForgotten: without a history all goes, whatever times it has.
func TestHistoryIsForgotten(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	n.point("p", "a")
	now := n.tick()
	n.set(now.Add(240 * time.Hour)) // a clock that is wrong
	n.delete(lode.KindVector, "p")
	n.set(now)
	n.keep(0)
	if pruned, err := n.PruneHistory(ctx); err != nil || pruned != 1 {
		t.Errorf("%d are forgotten, want 1: %v", pruned, err)
	}
}

// TestOneOfAnID: an id names one document at any time, also where it was given again by a leader whose
// clock is behind.
func TestOneOfAnID(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	begin := n.tick()
	ahead := begin.Add(time.Minute)
	count := func(step string, at time.Time, want int) {
		t.Helper()
		v, err := n.ViewAsOf(ctx, root, "c", at)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Count(ctx, lode.Filter{}); err != nil || got.Documents != want {
			t.Errorf("%s: %+v, want %d: %v", step, got, want, err)
		}
	}
	n.point("p", "a")
	n.set(ahead)
	n.delete(lode.KindVector, "p")
	n.set(begin.Add(10 * time.Second))
	n.point("p", "a")
	n.set(ahead.Add(time.Minute))
	between := begin.Add(30 * time.Second)
	count("given again", between, 1)
	n.point("p", "b")
	count("described", between, 1)
	n.delete(lode.KindVector, "p")
	count("deleted again", between, 1)
	count("deleted", n.tick(), 0)
}

// TestWhatIsSaidOfThePast: of then are also the time of the last change and the URI.
func TestWhatIsSaidOfThePast(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	resubmit := func(uri, text string, tenant string) {
		t.Helper()
		a := n.accepted("c", "d", text)
		a.URI, a.Metadata = uri, lode.Metadata{"tenant": lode.StringValue(tenant)}
		r := n.submit(a)
		if r.Outcome == lode.OutcomeMetadata {
			return
		}
		if err := n.finish(n.job("c", r), text); err != nil {
			t.Fatal(err)
		}
	}
	want := func(at time.Time, uri string) {
		t.Helper()
		v, err := n.ViewAsOf(ctx, root, "c", at)
		if err != nil {
			t.Fatal(err)
		}
		found, err := v.Dense(ctx, vectorOf("x"), 1, lode.Filter{})
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		rows, err := v.Rows(ctx, rowIDs(found), false)
		if err != nil || rows[0].Version.URI != uri {
			t.Errorf("as of %s: %+v, want %s: %v", at, rows[0].Version, uri, err)
		}
		if changed := rows[0].Document.UpdatedAt; changed.After(at) {
			t.Errorf("as of %s it was changed at %s", at, changed)
		}
	}
	resubmit("first", "one", "a")
	first := n.tick()
	n.patch(lode.Write{}, collection.Selection{Kind: lode.KindDocument, IDs: []lode.DocID{"d"}}, lode.Patch{Set: lode.Metadata{"tenant": lode.StringValue("b")}})
	patched := n.tick()
	want(patched, "first")
	resubmit("second", "one", "b")
	want(patched, "first")
	second := n.tick()
	resubmit("third", "two", "b")
	third := n.tick()
	r := n.submit(n.accepted("c", "d", "waits"))
	want(third, "third")
	if err := n.finish(n.job("c", r), "waits"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at  time.Time
		uri string
	}{{first, "first"}, {patched, "first"}, {second, "second"}, {third, "third"}, {n.tick(), "file:d"}} {
		want(c.at, c.uri)
	}
}
