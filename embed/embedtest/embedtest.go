package embedtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// texts are different from each other.
var texts = []string{
	"The ore is washed in running water.",
	"Smelting needs charcoal and a strong draught.",
	"Die Kohle brennt langsam.",
	"鉱石は水で洗う。",
	"x",
	"!?",
	"🎉",
	"for i := range 10 { fmt.Println(i) }",
}

// Run checks an implementation. make returns a fresh embedder with the same settings each
// time; what it opens is closed by the test it is given.
func Run(t *testing.T, make func(tb testing.TB) embed.Embedder) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, embed.Embedder){
		"Constants":   constants,
		"Order":       order,
		"NoTexts":     noTexts,
		"EmptyText":   emptyText,
		"LongText":    longText,
		"ManyTexts":   manyTexts,
		"Kinds":       kinds,
		"Concurrency": concurrency,
		"Canceled":    canceled,
		"Deadline":    deadline,
		"Lexicon":     lexicon,
	} {
		t.Run(name, func(t *testing.T) { check(t, make(t)) })
	}
	t.Run("Determinism", func(t *testing.T) {
		a, b := make(t), make(t)
		if a.Fingerprint() != b.Fingerprint() {
			t.Fatalf("fingerprints %q and %q of the same settings", a.Fingerprint(), b.Fingerprint())
		}
		same(t, must(t, a, embed.Document, texts), must(t, b, embed.Document, texts))
	})
}

func must(t testing.TB, e embed.Embedder, kind embed.Kind, texts []string) []lode.Vector {
	t.Helper()
	vectors, err := e.Embed(t.Context(), kind, texts)
	if err != nil {
		t.Fatalf("embed %d texts: %v", len(texts), err)
	}
	valid(t, e, texts, vectors)
	return vectors
}

// valid checks the number, dimensions and numbers of vectors.
func valid(t testing.TB, e embed.Embedder, texts []string, vectors []lode.Vector) {
	t.Helper()
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		if err := v.ValidateFor(e.Dim(), lode.Cosine); err != nil {
			t.Fatalf("vector %d, of %q: %v", i, lode.CutValue(texts[i]), err)
		}
	}
}

func same(t testing.TB, a, b []lode.Vector) {
	t.Helper()
	if !slices.EqualFunc(a, b, func(x, y lode.Vector) bool { return slices.Equal(x, y) }) {
		t.Error("the same texts have different vectors")
	}
}

func constants(t *testing.T, e embed.Embedder) {
	if e.Dim() < 1 || e.Dim() > lode.MaxDim {
		t.Errorf("Dim() = %d", e.Dim())
	}
	before, static := e.Fingerprint(), e.Static()
	if before == "" || strings.TrimSpace(before) != before {
		t.Errorf("Fingerprint() = %q", before)
	}
	must(t, e, embed.Document, texts)
	if e.Fingerprint() != before || e.Static() != static {
		t.Errorf("fingerprint %q, static %v became %q, %v", before, static, e.Fingerprint(), e.Static())
	}
}

// order: a text has the vector that it has alone.
func order(t *testing.T, e embed.Embedder) {
	together := must(t, e, embed.Document, texts)
	for i, text := range texts {
		if alone := must(t, e, embed.Document, []string{text}); !slices.Equal(alone[0], together[i]) {
			t.Errorf("text %d has another vector alone", i)
		}
	}
	backwards := slices.Clone(texts)
	slices.Reverse(backwards)
	vectors := must(t, e, embed.Document, backwards)
	slices.Reverse(vectors)
	same(t, vectors, together)
	if slices.Equal(together[0], together[1]) {
		t.Error("different texts have the same vector")
	}
}

func noTexts(t *testing.T, e embed.Embedder) {
	must(t, e, embed.Document, nil)
	must(t, e, embed.Query, []string{})
}

func emptyText(t *testing.T, e embed.Embedder) {
	vectors := must(t, e, embed.Document, []string{"", texts[0], " \n"})
	same(t, vectors[1:2], must(t, e, embed.Document, texts[:1]))
}

func longText(t *testing.T, e embed.Embedder) {
	long := strings.Repeat(texts[0]+" ", 10_000)
	vectors, err := e.Embed(t.Context(), embed.Document, []string{long, texts[1]})
	if err == nil {
		valid(t, e, []string{long, texts[1]}, vectors)
		return
	}
	if vectors != nil || !lode.IsCode(err, lode.CodeTooLarge) && !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a long text gives %d vectors and %v", len(vectors), err)
	}
	if strings.Contains(err.Error(), texts[0]) {
		t.Error("the error repeats the text")
	}
}

func manyTexts(t *testing.T, e embed.Embedder) {
	many := make([]string, 600)
	for i := range many {
		many[i] = fmt.Sprintf("text number %d", i)
	}
	vectors := must(t, e, embed.Document, many)
	for _, i := range []int{0, 127, 128, 599} {
		same(t, vectors[i:i+1], must(t, e, embed.Document, many[i:i+1]))
	}
}

func kinds(t *testing.T, e embed.Embedder) {
	same(t, must(t, e, embed.Query, texts), must(t, e, embed.Query, texts))
}

func concurrency(t *testing.T, e embed.Embedder) {
	want := must(t, e, embed.Document, texts)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := e.Embed(t.Context(), embed.Document, texts)
			if err != nil {
				t.Errorf("embed: %v", err)
				return
			}
			same(t, got, want)
		})
	}
	wg.Wait()
}

func canceled(t *testing.T, e embed.Embedder) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	vectors, err := e.Embed(ctx, embed.Document, texts)
	if vectors != nil || !lode.IsCode(err, lode.CodeCanceled) || !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled call gives %d vectors and %v", len(vectors), err)
	}
}

func deadline(t *testing.T, e embed.Embedder) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if vectors, err := e.Embed(ctx, embed.Document, texts); vectors != nil || !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("a call after its deadline gives %d vectors and %v", len(vectors), err)
	}
}
