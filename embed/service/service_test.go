package service_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/embedtest"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/embed/remote/remotetest"
	"github.com/lodedb/lode/embed/service"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake embeds a text as its bytes, fails for some, and notes its calls.
type fake struct {
	mu     sync.Mutex
	calls  [][]string
	gate   chan struct{} // nil: open
	refuse string        // calls with such a text are refused
	down   atomic.Bool
	most   atomic.Int32
	now    atomic.Int32
}

func (f *fake) Fingerprint() string { return "fake/4" }
func (f *fake) Dim() int            { return 4 }
func (f *fake) Static() bool        { return false }

func vectorOf(kind embed.Kind, text string) lode.Vector {
	v := lode.Vector{1 + float32(kind), 0, 0, 0}
	for i := range len(text) {
		v[1+i%3] += float32(text[i]) * float32(i+1)
	}
	return v
}

func (f *fake) Embed(ctx context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	if n := f.now.Add(1); n > f.most.Load() {
		f.most.Store(n)
	}
	defer f.now.Add(-1)
	f.mu.Lock()
	f.calls = append(f.calls, slices.Clone(texts))
	f.mu.Unlock()
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-ctx.Done():
			return nil, embed.ContextError(ctx)
		}
	}
	r := embed.Request{Texts: len(texts), Duration: 1}
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		out[i] = vectorOf(kind, text)
		r.Bytes += int64(len(text))
		if f.refuse != "" && text == f.refuse {
			r.Err = &lode.Error{Code: lode.CodeProvider, Message: "no", Err: embed.ErrRefused}
		}
	}
	if f.down.Load() {
		r.Err = lode.Errorf(lode.CodeProvider, "down")
	}
	if r.Err == nil {
		r.Tokens = r.Bytes
	}
	embed.Report(ctx, r)
	if r.Err != nil {
		return nil, r.Err
	}
	return out, nil
}

func (f *fake) sent() (texts []string, calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Concat(f.calls...), len(f.calls)
}

func open(tb testing.TB, o service.Options) *service.Service {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	s, err := service.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

const roomy = 8 << 20 // bytes of a cache that forgets nothing here

func share(s *service.Service, f *fake, batches embed.BatchOptions) *service.Shared {
	return s.Add(service.Source{Embedder: f, Provider: "fake", Model: "m", Batches: batches, Price: 2})
}

func TestConformance(t *testing.T) {
	t.Run("remote", func(t *testing.T) {
		embedtest.Run(t, func(tb testing.TB) embed.Embedder {
			e, err := remote.New(remote.Options{BaseURL: remotetest.New(tb, 8).URL, Model: "m", Dim: 8})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = e.Close() })
			return open(tb, service.Options{CacheBytes: roomy}).Add(service.Source{Embedder: e, Provider: "p", Model: "m", Batches: e.Batches()}).For("c")
		})
	})
	t.Run("in process", func(t *testing.T) {
		embedtest.Run(t, func(tb testing.TB) embed.Embedder {
			e, err := remote.New(remote.Options{BaseURL: remotetest.New(tb, 8).URL, Model: "m", Dim: 8})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = e.Close() })
			return open(tb, service.Options{}).Add(service.Source{Embedder: e, Provider: "p", Model: "m"}).For("")
		})
	})
}

func mustEmbed(t testing.TB, e embed.Embedder, kind embed.Kind, texts ...string) {
	t.Helper()
	vectors, err := e.Embed(t.Context(), kind, texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if !slices.Equal(vectors[i], vectorOf(kind, text)) {
			t.Fatalf("text %d has another vector", i)
		}
	}
}

// What was embedded is embedded again only as another kind, by another model, or after the
// cache was cleared; also in the next run.
func TestCached(t *testing.T) {
	dir, f := t.TempDir(), &fake{}
	o := service.Options{Dir: dir, CacheBytes: roomy}
	s := open(t, o)
	e := share(s, f, embed.BatchOptions{Texts: 10}).For("docs")
	want := func(calls int) {
		t.Helper()
		if _, n := f.sent(); n != calls {
			t.Errorf("%d calls, want %d", n, calls)
		}
	}
	mustEmbed(t, e, embed.Document, "a", "b")
	mustEmbed(t, e, embed.Document, "b", "a")
	want(1)
	mustEmbed(t, e, embed.Query, "a")
	want(2)
	mustEmbed(t, e, embed.Document, "a", "c")
	if texts, _ := f.sent(); texts[len(texts)-1] != "c" || len(texts) != 4 {
		t.Errorf("sent %q", texts)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	e = share(s, f, embed.BatchOptions{Texts: 10}).For("docs")
	waitFor(t, func() bool { stats, _ := s.CacheStats(); return stats.Entries == 4 })
	mustEmbed(t, e, embed.Document, "a", "b", "c")
	want(3)
	if err := s.ClearCache(); err != nil {
		t.Fatal(err)
	}
	mustEmbed(t, e, embed.Document, "a")
	want(4)
	row := s.Entries()[0]
	if row.Texts != 11 || row.Cached != 6 || row.Requests != 4 || row.Tokens != 5 || math.Abs(row.Cost-1e-5) > 1e-12 || row.Collection != "docs" {
		t.Errorf("%+v", row)
	}
}

func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}

// Texts of many callers go out together, equal ones once, and the cost is split.
func TestGathered(t *testing.T) {
	f := &fake{gate: make(chan struct{})}
	s := open(t, service.Options{Wait: time.Hour})
	shared := share(s, f, embed.BatchOptions{Texts: 4})
	var wg sync.WaitGroup
	for i, text := range []string{"aa", "bb", "aa", "cccc", "dd"} { // four different ones: a full request
		wg.Go(func() { mustEmbed(t, shared.For([]string{"x", "y"}[i%2]), embed.Document, text) })
		if i < 4 {
			waitFor(t, func() bool { return texts(s) == int64(i+1) })
		}
	}
	close(f.gate)
	wg.Wait()
	sent, calls := f.sent()
	if slices.Sort(sent); calls != 1 || !slices.Equal(sent, []string{"aa", "bb", "cccc", "dd"}) {
		t.Errorf("%d calls with %q", calls, sent)
	}
	rows := s.Entries()
	if len(rows) != 2 || rows[0].Tokens != 4 || rows[1].Tokens != 6 || rows[0].Shared != 1 {
		t.Errorf("%+v", rows)
	}
}

func texts(s *service.Service) (n int64) {
	for _, row := range s.Entries() {
		n += row.Texts
	}
	return n
}

func TestWaitIsShort(t *testing.T) {
	f := &fake{}
	e := share(open(t, service.Options{}), f, embed.BatchOptions{Texts: 100}).For("")
	mustEmbed(t, e, embed.Query, "alone") // no other caller fills the request
}

func TestLimits(t *testing.T) {
	f := &fake{}
	e := share(open(t, service.Options{}), f, embed.BatchOptions{Texts: 7, Bytes: 40, Concurrency: 3}).For("")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			many := make([]string, 30)
			for j := range many {
				many[j] = fmt.Sprint("text ", i, " ", j)
			}
			mustEmbed(t, e, embed.Document, many...)
		})
	}
	wg.Wait()
	for _, call := range f.calls {
		if len(call) > 7 || len(strings.Join(call, "")) > 40 {
			t.Errorf("a call of %d texts and %d bytes", len(call), len(strings.Join(call, "")))
		}
	}
	if f.most.Load() > 3 {
		t.Errorf("%d requests at once", f.most.Load())
	}
}

// A text that the provider refuses fails the call that asked for it, and no other in the
// same request.
func TestRefusalIsNotShared(t *testing.T) {
	f := &fake{refuse: "bad", gate: make(chan struct{})}
	s := open(t, service.Options{Wait: time.Hour})
	shared := share(s, f, embed.BatchOptions{Texts: 4})
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, call := range [][]string{{"a", "bad"}, {"b"}, {"a", "c"}} { // the last joins the first for a
		wg.Go(func() { _, errs[i] = shared.For("").Embed(t.Context(), embed.Document, call) })
		waitFor(t, func() bool { return texts(s) == []int64{2, 3, 5}[i] })
	}
	close(f.gate)
	waitFor(t, func() bool { _, n := f.sent(); return n == 4 }) // together, then each alone
	// What is tried again waits for others; two more make the request full.
	wg.Go(func() { mustEmbed(t, shared.For(""), embed.Document, "x", "y", "z") })
	wg.Wait()
	if !errors.Is(errs[0], embed.ErrRefused) || errs[1] != nil || errs[2] != nil {
		t.Errorf("%v", errs)
	}
}

// An outage fails all that wait, and nothing is sent twice.
func TestOutage(t *testing.T) {
	f := &fake{}
	f.down.Store(true)
	s := open(t, service.Options{CacheBytes: roomy})
	e := share(s, f, embed.BatchOptions{Texts: 2}).For("")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if _, err := e.Embed(t.Context(), embed.Document, []string{fmt.Sprint(i)}); !lode.IsCode(err, lode.CodeProvider) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if sent, _ := f.sent(); len(sent) != 4 {
		t.Errorf("sent %q", sent)
	}
	f.down.Store(false)
	mustEmbed(t, e, embed.Document, "0") // the failure is not remembered
	if row := s.Entries()[0]; row.Failed == 0 || row.Tokens != 1 {
		t.Errorf("%+v", row)
	}
}

// Who leaves takes its texts along; a request ends when nobody waits, and goes on as long as
// somebody does.
func TestLeaving(t *testing.T) {
	f := &fake{gate: make(chan struct{})}
	s := open(t, service.Options{})
	e := share(s, f, embed.BatchOptions{Texts: 1}).For("")
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := e.Embed(ctx, embed.Document, []string{"a", "b"})
		left <- err
	}()
	waitFor(t, func() bool { _, n := f.sent(); return n == 1 })
	var wg sync.WaitGroup
	wg.Go(func() { mustEmbed(t, e, embed.Document, "a") })
	waitFor(t, func() bool { return texts(s) == 3 })
	cancel()
	if err := <-left; !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("%v", err)
	}
	f.gate <- struct{}{} // a, for the one that stayed
	wg.Wait()
	if sent, _ := f.sent(); !slices.Equal(sent, []string{"a"}) {
		t.Errorf("sent %q", sent)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		_, err := e.Embed(ctx, embed.Document, []string{"c"})
		left <- err
	}()
	waitFor(t, func() bool { _, n := f.sent(); return n == 2 })
	cancel()
	<-left
	waitFor(t, func() bool { return f.now.Load() == 0 }) // its request was ended
}

// A call that joined one with a shorter deadline is not ended by it.
func TestDeadlines(t *testing.T) {
	f := &fake{gate: make(chan struct{})}
	s := open(t, service.Options{})
	e := share(s, f, embed.BatchOptions{Texts: 1, Concurrency: 2}).For("")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	left := make(chan error, 1)
	go func() {
		_, err := e.Embed(ctx, embed.Document, []string{"a"})
		left <- err
	}()
	waitFor(t, func() bool { _, n := f.sent(); return n == 1 })
	var wg sync.WaitGroup
	wg.Go(func() { mustEmbed(t, e, embed.Document, "a") })
	waitFor(t, func() bool { return texts(s) == 2 })
	if err := <-left; !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("%v", err)
	}
	close(f.gate)
	wg.Wait()
}

// A question does not wait behind documents that wait for a request.
func TestQuestionsFirst(t *testing.T) {
	f := &fake{gate: make(chan struct{})}
	s := open(t, service.Options{})
	e := share(s, f, embed.BatchOptions{Texts: 1, Concurrency: 1}).For("")
	var wg sync.WaitGroup
	wg.Go(func() { mustEmbed(t, e, embed.Document, "a", "b", "c") })
	waitFor(t, func() bool { _, n := f.sent(); return n == 1 })
	wg.Go(func() { mustEmbed(t, e, embed.Query, "q") })
	waitFor(t, func() bool { return texts(s) == 4 })
	close(f.gate)
	wg.Wait()
	if sent, _ := f.sent(); !slices.Equal(sent, []string{"a", "q", "b", "c"}) {
		t.Errorf("sent %q", sent)
	}
}

// Closing ends calls that wait in the queue, are under way, or come later.
func TestClose(t *testing.T) {
	f := &fake{gate: make(chan struct{})}
	s := open(t, service.Options{Wait: time.Hour})
	e := share(s, f, embed.BatchOptions{Texts: 2, Concurrency: 1}).For("")
	errs := make(chan error, 3)
	for i, call := range [][]string{{"a", "b"}, {"c"}} {
		go func() {
			_, err := e.Embed(t.Context(), embed.Document, call)
			errs <- err
		}()
		waitFor(t, func() bool { return texts(s) == int64(2+i) })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := e.Embed(t.Context(), embed.Document, []string{"d"})
	errs <- err
	for range 3 {
		if err := <-errs; !lode.IsCode(err, lode.CodeUnavailable) {
			t.Errorf("%v", err)
		}
	}
}

func TestBadText(t *testing.T) {
	f := &fake{}
	e := share(open(t, service.Options{CacheBytes: roomy}), f, embed.BatchOptions{Texts: 2}).For("")
	if _, err := e.Embed(t.Context(), embed.Document, []string{"fine", "a\xff"}); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "texts[1]") {
		t.Errorf("%v", err)
	}
}

// Random calls of many callers, some of which leave, always get the vectors of their texts.
func TestRandomCalls(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := &fake{refuse: "7"}
	s := open(t, service.Options{CacheBytes: 1 << 20, Wait: 200 * time.Microsecond})
	shared := share(s, f, embed.BatchOptions{Texts: 5, Concurrency: 3})
	var wg sync.WaitGroup
	for worker := range 8 {
		rng := rand.New(rand.NewPCG(seed, uint64(worker)))
		wg.Go(func() {
			for range 150 {
				call := make([]string, rng.IntN(8))
				for i := range call {
					call[i] = fmt.Sprint(rng.IntN(60))
				}
				ctx, cancel := context.WithCancel(t.Context())
				if rng.IntN(4) == 0 {
					time.AfterFunc(time.Duration(rng.IntN(400))*time.Microsecond, cancel)
				}
				kind := embed.Kind(rng.IntN(2))
				vectors, err := shared.For(fmt.Sprint(worker)).Embed(ctx, kind, call)
				switch {
				case err != nil && ctx.Err() == nil && !(errors.Is(err, embed.ErrRefused) && slices.Contains(call, "7")):
					t.Errorf("%v", err)
				case err == nil:
					for i, text := range call {
						if !slices.Equal(vectors[i], vectorOf(kind, text)) {
							t.Errorf("%q has another vector", text)
						}
						vectors[i][0] = -1 // it belongs to the caller
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

func TestOptions(t *testing.T) {
	for _, o := range []service.Options{
		{}, {Dir: "x", CacheBytes: 100}, {Dir: "x", CacheAge: time.Second}, {Dir: "x", Wait: -1},
	} {
		if _, err := service.Open(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
