package embed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/embedtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letters embeds a text as the sums of its bytes by position, and notes its calls.
type letters struct {
	calls, running, most atomic.Int32
	largest, heaviest    atomic.Int32
	fail                 string // texts that hold it fail
	short                bool   // returns one vector too few
}

var errBroken = errors.New("broken")

func (*letters) Fingerprint() string { return "test/letters/4" }
func (*letters) Dim() int            { return 4 }
func (*letters) Static() bool        { return true }

func (l *letters) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	l.calls.Add(1)
	raise(&l.most, l.running.Add(1))
	defer l.running.Add(-1)
	raise(&l.largest, int32(len(texts)))
	raise(&l.heaviest, int32(len(strings.Join(texts, ""))))
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		if l.fail != "" && strings.Contains(text, l.fail) {
			return nil, lode.Errorf(lode.CodeProvider, "embed texts: %w", errBroken)
		}
		v := make(lode.Vector, 4)
		for j := range len(text) {
			v[j%4] += float32(text[j]) * float32(j+1)
		}
		v[0]++
		out[i] = v
	}
	if l.short {
		return out[1:], nil
	}
	return out, nil
}

func raise(to *atomic.Int32, n int32) {
	for old := to.Load(); old < n && !to.CompareAndSwap(old, n); old = to.Load() {
	}
}

func TestConformance(t *testing.T) {
	embedtest.Run(t, func(testing.TB) embed.Embedder {
		return embed.Batched(&letters{}, embed.BatchOptions{Texts: 3, Bytes: 100, Concurrency: 4})
	})
}

func TestBatchedSplits(t *testing.T) {
	f := func(texts []string, o embed.BatchOptions, calls, largest, heaviest int32) {
		t.Helper()
		inner := &letters{}
		if _, err := embed.Batched(inner, o).Embed(t.Context(), embed.Document, texts); err != nil {
			t.Fatal(err)
		}
		if inner.calls.Load() != calls || inner.largest.Load() != largest || inner.heaviest.Load() != heaviest {
			t.Errorf("%+v: %d calls of at most %d texts and %d bytes, want %d, %d, %d",
				o, inner.calls.Load(), inner.largest.Load(), inner.heaviest.Load(), calls, largest, heaviest)
		}
		if most := inner.most.Load(); most > int32(max(1, o.Concurrency)) {
			t.Errorf("%+v: %d calls at once", o, most)
		}
	}
	ten := strings.Fields("aa bb cc dd ee ff gg hh ii jj")
	f(ten, embed.BatchOptions{}, 1, 10, 20)
	f(ten, embed.BatchOptions{Texts: 4}, 3, 4, 8)
	f(ten, embed.BatchOptions{Texts: 4, Concurrency: 3}, 3, 4, 8)
	f(ten, embed.BatchOptions{Bytes: 5}, 5, 2, 4)
	f(ten, embed.BatchOptions{Bytes: 1}, 10, 1, 2) // a text is never cut
	f(make([]string, 129), embed.BatchOptions{}, 2, 128, 0)
	f(nil, embed.BatchOptions{}, 0, 0, 0)
}

// One failing batch fails the call with its own error, not with that of the others it stops.
func TestBatchedFails(t *testing.T) {
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
	}
	for _, concurrency := range []int{1, 4} {
		e := embed.Batched(&letters{fail: "text 42"}, embed.BatchOptions{Texts: 1, Concurrency: concurrency})
		vectors, err := e.Embed(t.Context(), embed.Document, texts)
		if vectors != nil || !errors.Is(err, errBroken) || !lode.IsCode(err, lode.CodeProvider) {
			t.Errorf("%d vectors, %v", len(vectors), err)
		}
	}
}

func TestBatchedRefusesShortAnswers(t *testing.T) {
	e := embed.Batched(&letters{short: true}, embed.BatchOptions{})
	if vectors, err := e.Embed(t.Context(), embed.Document, []string{"a", "b"}); vectors != nil || !lode.IsCode(err, lode.CodeInternal) {
		t.Errorf("%d vectors, %v", len(vectors), err)
	}
}
