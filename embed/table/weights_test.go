package table

import (
	"math"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

func counted3(t *Table) *Counter {
	c := t.NewCounter()
	c.Add("ore ores ore unknown")
	c.Add("ore and mine, unknown")
	c.Add("ore rare")
	return c
}

// TestWeightsWithin keeps the words that most texts have.
func TestWeightsWithin(t *testing.T) {
	table := small(t, "ore", "mine", "rare")
	c := counted3(table)
	for range 3 {
		c.Add("zzyzx")
	}
	all, _ := c.Weights().MarshalBinary()
	some := c.WeightsWithin(len(all) - 1)
	if b, err := some.MarshalBinary(); err != nil || len(b) >= len(all) {
		t.Errorf("%d bytes, within %d: %v", len(b), len(all)-1, err)
	}
	of := func(w *Weights, word string) float64 { return w.Of(table, []byte(word)) }
	if of(some, "zzyzx") != of(c.Weights(), "zzyzx") || of(some, "unknown") <= of(c.Weights(), "unknown") || of(some, "unknown") != of(some, "qwrt") {
		t.Errorf("zzyzx %v, unknown %v, another %v", of(some, "zzyzx"), of(some, "unknown"), of(some, "qwrt"))
	}
	if _, err := c.WeightsWithin(0).MarshalBinary(); err != nil {
		t.Error(err)
	}
}

func TestWeights(t *testing.T) {
	table := small(t, "ore", "mine", "wash")
	w := counted3(table).Weights()
	f := func(got int64, texts float64) {
		t.Helper()
		if want := int64(math.Round(256 * math.Sqrt(math.Log(4/(texts+.5))))); got != want {
			t.Errorf("a word of %v texts weighs %d, want %d", texts, got, want)
		}
	}
	f(w.ofRow(0), 3)
	f(w.ofRow(1), 1)
	f(w.ofRow(2), 1) // no text had it: as if one had
	f(w.ofWord([]byte("unknown")), 2)
	f(w.ofWord([]byte("rare")), 1)
	f(w.ofWord([]byte("never")), 1)
	if w.Texts() != 3 {
		t.Errorf("%d texts", w.Texts())
	}
}

// The frequent word counts less with weights than without.
func TestWeightsShiftVectors(t *testing.T) {
	table := small(t, "ore", "mine", "wash")
	w := counted3(table).Weights()
	ore, both := vector(table, nil, "ore"), "ore mine"
	if a, b := cosine(ore, vector(table, nil, both)), cosine(ore, vector(table, w, both)); a <= b {
		t.Errorf("cosine %.3f without weights, %.3f with them", a, b)
	}
}

func cosine(a, b lode.Vector) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// Few texts say nothing: all words weigh alike.
func TestWeightsOfNothing(t *testing.T) {
	table := small(t, "ore", "mine")
	w := table.NewCounter().Weights()
	if a, b := vector(table, w, "ore mine"), vector(table, nil, "ore mine"); cosine(a, b) < .99999 {
		t.Errorf("%v and %v", a, b)
	}
}

func TestWeightsAreStored(t *testing.T) {
	table := small(t, "ore", "mine", "wash")
	w := counted3(table).Weights()
	b, err := w.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	back, err := table.ParseWeights(b)
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != w.Hash() || back.Texts() != 3 || back.ofWord([]byte("unknown")) != w.ofWord([]byte("unknown")) {
		t.Error("the weights came back changed")
	}
	if again := counted3(table); again.Weights().Hash() != w.Hash() {
		t.Error("the same texts give another hash")
	} else if again.Add("wash"); again.Weights().Hash() == w.Hash() {
		t.Error("another text gives the same hash")
	}
	for name, bad := range map[string]string{
		"empty":       "",
		"other magic": "X" + string(b[1:]),
		"short":       string(b[:len(b)-1]),
		"long":        string(b) + "x",
		"heavy":       string(b[:weightsHead]) + "\xff\xff" + string(b[weightsHead+2:]),
	} {
		if _, err := table.ParseWeights([]byte(bad)); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := small(t, "ore").ParseWeights(b); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("weights of another table: %v", err)
	}
}

func FuzzParseWeights(f *testing.F) {
	table := small(f, "ore", "mine", "wash")
	b, _ := counted3(table).Weights().MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := table.ParseWeights(b)
		if err != nil {
			return
		}
		if err := vector(table, w, "ore mine "+strings.Repeat("x", 30)).ValidateFor(table.Dim(), lode.Cosine); err != nil {
			t.Fatal(err)
		}
	})
}
