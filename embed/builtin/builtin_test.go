package builtin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/embed/embedtest"
)

func model(t testing.TB, name string) embed.Embedder {
	t.Helper()
	e, err := builtin.New(builtin.Options{Model: name})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	for _, name := range []string{builtin.LodeEnV1, builtin.HashV1} {
		t.Run(name, func(t *testing.T) {
			embedtest.Run(t, func(tb testing.TB) embed.Embedder { return model(tb, name) })
		})
	}
}

// Weights of words are in the vectors of single words too.
func TestWeightedConformance(t *testing.T) {
	words, err := builtin.Table()
	if err != nil {
		t.Fatal(err)
	}
	counter := words.NewCounter()
	for range 20 {
		counter.Add("the ore is washed")
	}
	counter.Add("water")
	embedtest.Run(t, func(tb testing.TB) embed.Embedder {
		e, err := builtin.New(builtin.Options{Weights: counter.Weights()})
		if err != nil {
			tb.Fatal(err)
		}
		return e
	})
}

// The names and dimensions that root package and models give are the same, and fingerprints of
// vectors that were stored never change.
func TestModels(t *testing.T) {
	for name, fingerprint := range map[string]string{builtin.LodeEnV1: "builtin/lode-en-v1/256/l2", builtin.HashV1: "builtin/hash-v1/512/l2"} {
		c := lode.Collection{Name: "docs", Embedder: lode.EmbedderConfig{Provider: lode.ProviderBuiltin, Model: name}}
		c.EnsureDefaults()
		e := model(t, name)
		if err := c.Validate(); err != nil || c.Dim != e.Dim() || e.Fingerprint() != fingerprint || !e.Static() {
			t.Errorf("%s: %d dimensions, %q, %v", name, e.Dim(), e.Fingerprint(), err)
		}
	}
	if e := model(t, ""); e.Fingerprint() != model(t, lode.DefaultEmbedder.Model).Fingerprint() {
		t.Errorf("the default is %s", e.Fingerprint())
	}
	if _, err := builtin.New(builtin.Options{Model: "bert"}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("an unknown model: %v", err)
	}
}

// embedder makes the vector of a text.
type embedder func(t testing.TB, text string) lode.Vector

func by(name string) embedder {
	return func(t testing.TB, text string) lode.Vector {
		t.Helper()
		vectors, err := model(t, name).Embed(t.Context(), embed.Document, []string{text})
		if err != nil {
			t.Fatal(err)
		}
		return vectors[0]
	}
}

var tabled, hashed = by(builtin.LodeEnV1), by(builtin.HashV1)

// golden wants the vector of a text to the bit, by the beginning of its hash.
func (e embedder) golden(t *testing.T, text, want string) {
	t.Helper()
	got := fmt.Sprint(lode.VectorsHash([]lode.Vector{e(t, text)}))
	if !strings.HasPrefix(got, want) {
		t.Errorf("vector of %.40q has hash %.16s, want %s…", text, got, want)
	}
}

// nearer wants one text nearer than another.
func (e embedder) nearer(t *testing.T, text, near, far string) {
	t.Helper()
	v := e(t, text)
	if a, b := dot(v, e(t, near)), dot(v, e(t, far)); a <= b+0.05 {
		t.Errorf("%q: %.3f to %q, %.3f to %q", text, a, near, b, far)
	}
}

// dot is the cosine, for the vectors have unit length.
func dot(a, b lode.Vector) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// allocations counts those of a call with four texts, each of the sentence again and again.
func allocations(t *testing.T, name, sentence string) float64 {
	t.Helper()
	if raced {
		t.Skip("the race detector makes pools forget at random; counted without it")
	}
	e, text := model(t, name), strings.Repeat(sentence, 20)
	texts := []string{text, text, text, text}
	return testing.AllocsPerRun(50, func() {
		if _, err := e.Embed(t.Context(), embed.Document, texts); err != nil {
			t.Fatal(err)
		}
	})
}

// TestVerify reads the whole table that is part of the program.
func TestVerify(t *testing.T) {
	table, err := builtin.Table()
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Verify(); err != nil {
		t.Error(err)
	}
	if table.Bytes() > 16_000_000 {
		t.Errorf("%d bytes", table.Bytes())
	}
}

// TestTabledGoldenBits holds the model to the bit, on every CPU. These hashes never change: another
// model has another name.
func TestTabledGoldenBits(t *testing.T) {
	f := func(text, want string) { t.Helper(); tabled.golden(t, text, want) }
	f("", "0aa34b32eedd81d5")
	f("!?", "0aa34b32eedd81d5")
	f("ore", "a4fd01768be303e3")
	f("The ore is washed in running water. Wash it three times.", "95a0e244dce81568")
	f("Straße, ﬁne, Ünïcödé, ＷＩＤＥ, x² and Ⅷ", "498ad259373f84cb")
	f("鉱石は水で洗う。ภาษาไทย 🎉", "a0d65a8dbf189501")
	f("flibbertigibbetish zyzzyvas", "1c9c10d2c7b4940d")
	f(strings.Repeat("smelting needs charcoal and a strong draught ", 2000), "1701a4d0cf11b8fa")
	f("bytes \xff\xfe that are not text", "fd59e448d89b27f5")
	f(strings.Repeat("x", 1000), "65b9cfeecd37b80e")
}

// What the model is for: texts that share meanings are near, though they share no word.
func TestTabledNearness(t *testing.T) {
	nearer := func(text, near, far string) { t.Helper(); tabled.nearer(t, text, near, far) }
	nearer("automobile", "car", "carpet")
	nearer("physician", "doctor of medicine", "a kind of bread")
	nearer("how to get money back", "refund of a payment", "boats leave at noon")
	nearer("the ores were washed", "washing of ore", "the coal was burned")
	nearer("Kubernetes", "kubernetes-1.2", "carpenter")
	nearer("鉱石を洗う", "鉱石は水で洗う", "石炭を燃やす")
	nearer("перевозка грузов", "перевозки груза", "синее небо")
}

func TestTabledWeights(t *testing.T) {
	table, err := builtin.Table()
	if err != nil {
		t.Fatal(err)
	}
	counter := table.NewCounter()
	for i := range 100 {
		counter.Add(fmt.Sprint("the ore of mine number ", i))
	}
	counter.Add("gold")
	e, err := builtin.New(builtin.Options{Weights: counter.Weights()})
	if err != nil {
		t.Fatal(err)
	}
	if plain := model(t, "").Fingerprint(); !strings.HasPrefix(e.Fingerprint(), plain+"/idf-") {
		t.Errorf("fingerprint %q", e.Fingerprint())
	}
	vectors, err := e.Embed(t.Context(), embed.Query, []string{"ore and gold", "gold"})
	if err != nil {
		t.Fatal(err)
	}
	if with, without := dot(vectors[0], vectors[1]), dot(tabled(t, "ore and gold"), tabled(t, "gold")); with <= without {
		t.Errorf("the rare word counts %.3f with weights, %.3f without", with, without)
	}
	if _, err := builtin.New(builtin.Options{Model: builtin.HashV1, Weights: counter.Weights()}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("weights for %s: %v", builtin.HashV1, err)
	}
}

// Beyond the result nothing is allocated.
func TestTabledAllocations(t *testing.T) {
	if per := allocations(t, builtin.LodeEnV1, "The ore is wäshed in running water. "); per > 4+2 {
		t.Errorf("%.0f allocations for 4 texts", per)
	}
}

func FuzzTabled(f *testing.F) {
	f.Add("ore")
	f.Add("\xff ﷺ 中 🎉 ' ’ ")
	f.Fuzz(func(t *testing.T, text string) {
		if err := tabled(t, text).ValidateFor(256, lode.Cosine); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// BenchmarkTabled embeds passages of thirty words.
func BenchmarkTabled(b *testing.B) {
	const passage = "Ore comes out of the mine with clay and sand on it, so wash it in running water before anything else, for the clay hides the colour of the Kuhschellenerz stones."
	e := model(b, builtin.LodeEnV1)
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = passage
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Embed(b.Context(), embed.Document, texts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(texts))/b.Elapsed().Seconds(), "passages/s")
}
