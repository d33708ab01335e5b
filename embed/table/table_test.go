package table

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// small is a table of few words with random rows.
func small(t testing.TB, words ...string) *Table {
	t.Helper()
	const dim, buckets = 16, 32
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]float32, (len(words)+buckets)*dim)
	for i := range rows {
		rows[i] = float32(random.NormFloat64())
	}
	b, err := Build(Contents{Dim: dim, Buckets: buckets, Words: words, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestFold(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := strings.Join(Fold(text), " "); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	f("", "")
	f("!?", "")
	f("The ore's washed.", "the ore s washed")
	f("BM25 3,000", "bm 25 3 000")
	f("mines ladies boxes classes wishes churches glass corpus basis gas ties", "mine lady box class wish church glass corpus basis gas tie")
	f("horses clothes buzzes is his", "horse clothe buzz is his")
	f("Straße, ﬁne, Ünïcödé, ＷＩＤＥ x² Ⅷ Łódź Æsir", "strasse fine unicode wide x 2 viii lodz aesir")
	f("don’t co\u00adop e\u0301te\u0301", "don t coop ete")
	f("Москва москвы", "москва москвы")
	f("鉱石a石", "鉱 石 鉱石 a 石")
	f("한국어 ABC", "한국어 abc")
	f("🎉", "🎉")
	f("a\xff\xfeb", "a b")
	f(strings.Repeat("x", 100), strings.Repeat("x", 24))
	f(strings.Repeat("ж", 100)+" a", strings.Repeat("ж", 24)+" a")
	f("abcжde", "abc ж de")
}

func TestFindsWords(t *testing.T) {
	words := []string{"ore", "mine", "wash", "3", "москва"}
	table := small(t, words...)
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	for i, w := range words {
		if got, ok := table.Find([]byte(w)); !ok || got != i || table.Word(i) != w {
			t.Errorf("%q is word %d, %v", w, got, ok)
		}
	}
	for _, w := range []string{"", "or", "ores", "x"} {
		if _, ok := table.Find([]byte(w)); ok {
			t.Errorf("%q is found", w)
		}
	}
}

// A text is the sum of its words' rows, and a word that has none the sum of its parts.
func TestVectorIsSum(t *testing.T) {
	table := small(t, "ore", "mine")
	f := func(text string, rows map[int]float64) {
		t.Helper()
		want := make([]float64, table.Dim())
		row := make([]float32, table.Dim())
		for i, count := range rows {
			table.Row(i, row)
			for d, x := range row {
				want[d] += count * float64(x)
			}
		}
		length := 0.
		for _, x := range want {
			length += x * x
		}
		for d, x := range vector(table, nil, text) {
			if diff := float64(x) - want[d]/math.Sqrt(length); math.Abs(diff) > 1e-4 {
				t.Fatalf("%q: dimension %d is off by %g", text, d, diff)
			}
		}
	}
	f("ore", map[int]float64{0: 1})
	f("Ore, the mine", plus(partRows(table, "the"), 0, 1, 1, 1))
	f("mines mines ores", map[int]float64{1: 2, 0: 1})
	f("washing", partRows(table, "washing"))
}

func partRows(t *Table, word string) map[int]float64 {
	found := Buckets(nil, []byte(word), t.Buckets())
	rows := map[int]float64{}
	for _, b := range found {
		rows[t.Words()+int(b)] += 1 / math.Sqrt(float64(len(found)))
	}
	return rows
}

func plus(rows map[int]float64, pairs ...int) map[int]float64 {
	for i := 0; i < len(pairs); i += 2 {
		rows[pairs[i]] += float64(pairs[i+1])
	}
	return rows
}

func vector(t *Table, w *Weights, text string) lode.Vector {
	v := make(lode.Vector, t.Dim())
	t.NewAdder(w).Vector(text, v)
	return v
}

func TestParts(t *testing.T) {
	// "<ab>" and its parts of 3 and 4 characters; of "ж" only the whole, which is also its one part.
	for word, n := range map[string]int{"ab": 1 + 2 + 1, "ж": 1 + 1, "abc": 1 + 3 + 2 + 1, strings.Repeat("ж", 24): mostParts} {
		if got := len(Buckets(nil, []byte(word), 1000)); got != n {
			t.Errorf("%q has %d parts, want %d", word, got, n)
		}
	}
}

func TestEmptyText(t *testing.T) {
	table := small(t, "ore")
	for _, text := range []string{"", " \n", "!?", "\xff"} {
		v := vector(table, nil, text)
		if v[EmptyDim] != 1 || v.ValidateFor(table.Dim(), lode.Cosine) != nil {
			t.Errorf("%q: %v", text, v)
		}
	}
	zero, err := Build(Contents{Dim: 4, Buckets: 1, Words: []string{"ore"}, Rows: make([]float32, 8)})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(string(zero))
	if err != nil {
		t.Fatal(err)
	}
	if v := vector(opened, nil, "ore"); v[EmptyDim%4] != 1 {
		t.Errorf("rows of zeros give %v", v)
	}
}

// Rows come back with the precision of 8 bits.
func TestQuantization(t *testing.T) {
	rows := []float32{1, -.5, .25, 0, 1e-3, -1e-3, 5e-4, 2e-5, 0, 0, 0, 0}
	b, err := Build(Contents{Dim: 4, Buckets: 1, Words: []string{"a", "b"}, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(string(b))
	if err != nil {
		t.Fatal(err)
	}
	step := 1. / 127 / math.MaxUint16
	for i, most := range []float64{1. / 127, 1e-3 / 126, 0} {
		row := make([]float32, 4)
		table.Row(i, row)
		for d, x := range row {
			if diff := math.Abs(float64(x)*step - float64(rows[i*4+d])); diff > most/2+step {
				t.Errorf("row %d: %g for %g", i, float64(x)*step, rows[i*4+d])
			}
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, c := range map[string]Contents{
		"no dimensions":  {Buckets: 1},
		"no buckets":     {Dim: 4, Words: []string{"a"}, Rows: make([]float32, 4)},
		"too few rows":   {Dim: 4, Buckets: 1, Words: []string{"a"}, Rows: make([]float32, 4)},
		"a word twice":   {Dim: 4, Buckets: 1, Words: []string{"a", "a"}, Rows: make([]float32, 12)},
		"an empty word":  {Dim: 4, Buckets: 1, Words: []string{""}, Rows: make([]float32, 8)},
		"too many words": {Dim: 1, Buckets: 1, Words: make([]string, maxRows), Rows: make([]float32, maxRows+1)},
	} {
		if _, err := Build(c); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}

// Damage of the header is refused when the table is opened, damage of the body by Verify.
func TestDamage(t *testing.T) {
	sound := small(t, "ore", "mine", "wash").data
	for i := range sound {
		damaged := sound[:i] + string(sound[i]^1) + sound[i+1:]
		if len(damaged) != len(sound) {
			damaged = sound[:i] + string([]byte{sound[i] ^ 1}) + sound[i+1:]
		}
		opened, err := Open(damaged)
		if err == nil {
			err = opened.Verify()
		} else if i >= headerSize {
			t.Fatalf("byte %d: %v", i, err)
		}
		if !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for _, n := range []int{0, 7, headerSize - 1, headerSize, len(sound) - 1} {
		if _, err := Open(sound[:n]); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// FuzzOpen changes the header with a checksum that fits: whatever opens can be used.
func FuzzOpen(f *testing.F) {
	sound := small(f, "ore", "mine").data
	f.Add([]byte(sound[:headerSize]), []byte(sound[headerSize:]), "ore mines")
	f.Add([]byte(sound[:headerSize]), []byte(strings.Repeat("\xff", len(sound)-headerSize)), "ore mines")
	f.Fuzz(func(t *testing.T, head, body []byte, text string) {
		if len(head) < headerSize {
			return
		}
		head = slices.Clone(head[:headerSize])
		binary.LittleEndian.PutUint32(head[atHeaderSum:], checksum(string(head[:atHeaderSum])))
		opened, err := Open(string(head) + string(body))
		if err != nil {
			if !lode.IsCode(err, lode.CodeCorrupt) {
				t.Fatal(err)
			}
			return
		}
		_ = opened.Verify()
		if err := vector(opened, nil, text).ValidateFor(opened.Dim(), lode.Cosine); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzVector(f *testing.F) {
	table := small(f, "ore", "mine")
	counter := table.NewCounter()
	counter.Add("ore xyz")
	counter.Add("ore mine")
	weights := counter.Weights()
	f.Add("ore")
	f.Add("\xff ﷺ 中 🎉 ' ’ ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range []*Weights{nil, weights} {
			if err := vector(table, w, text).ValidateFor(table.Dim(), lode.Cosine); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

// The largest rows, weights and texts do not overflow the sums.
func TestSumsFit(t *testing.T) {
	if most := int64(127) * math.MaxUint16 * whole * maxWeight / weightOne; most > math.MaxInt64/MaxWords {
		t.Errorf("a word adds up to %d, and %d words may", most, MaxWords)
	}
	sums := []int64{math.MaxInt64, -math.MaxInt64, 1 << 40}
	v := make([]float32, 3)
	unit(sums, v)
	if math.Abs(float64(v[0])-math.Sqrt(.5)) > 1e-6 || math.Abs(float64(v[1])+math.Sqrt(.5)) > 1e-6 {
		t.Errorf("%v", v)
	}
}

func TestVectorAllocatesNothing(t *testing.T) {
	table := small(t, "ore", "mine")
	adder, v := table.NewAdder(nil), make([]float32, table.Dim())
	text := strings.Repeat("Ore of the mine is wäshed, 鉱石は水で洗う. ", 20)
	if per := testing.AllocsPerRun(50, func() { adder.Vector(text, v) }); per != 0 {
		t.Errorf("%.1f allocations", per)
	}
}
