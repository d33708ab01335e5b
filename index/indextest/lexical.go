package indextest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// LexicalIndex searches words, in one list of rows: what any way to keep and cut them must look like
// from outside. Ordinals, writer and readers, ties and allow are as in [index.Dense].
type LexicalIndex interface {
	// Len is the number of rows that were added, removed ones included: the next ordinal.
	Len() int
	// Add appends a row. A text without words ("" for one) is a row that no query finds and
	// no statistic counts.
	Add(text string) (ordinal uint32)
	// Terms is what Add makes of a text before anything else. It does not depend on what the
	// index holds, and may be called by any number of goroutines at any time.
	Terms(text string) []string
	// AddTerms is Add for the text of which Terms returned them.
	AddTerms(terms []string) (ordinal uint32)
	// Remove takes rows out: no search answers with them, and their words leave the
	// statistics (document count, lengths, frequencies) exactly. Rows that are removed
	// already or never existed are passed over. The ordinals are not used again; memory
	// comes back with Compact.
	Remove(ordinals ...uint32)
	// Search returns the min(k, matching) best rows that hold at least one word of the
	// query, best first. k below 1 is [lode.CodeInvalid]. A query without words matches
	// nothing.
	Search(ctx context.Context, query string, k int, allow *index.Bitset) ([]index.Candidate, error)
	// Compact returns a new index with only the kept rows, renumbered from 0 in the same
	// order; nil keeps all, ordinals at or beyond keep.Len() are dropped. A kept row that
	// was removed stays removed. Scores are those of an index that was filled with the kept
	// texts alone. The old index stays usable.
	Compact(keep *index.Bitset) LexicalIndex
	// Bytes is about how much memory the index holds.
	Bytes() int64
}

// Bounded is an optional power of a [LexicalIndex], found by type assertion.
type Bounded interface {
	// UpperBound is a score that no row can exceed for this query. Words that the index
	// does not hold count with the weight that a first row with them would nearly have, so
	// that the best score divided by the bound says how much of the query was matched. It
	// is 0 for a query without words.
	UpperBound(query string) float64
}

// NewLexical makes an empty index.
type NewLexical = func() LexicalIndex

// Lexical runs the suite for lexical indexes. It asks which rows are found and how scores
// compare, not what they are; its texts are made of words that every analyzer should keep
// apart.
func Lexical(t *testing.T, newIndex NewLexical) {
	t.Run("Empty", func(t *testing.T) { lexicalEmpty(t, newIndex) })
	t.Run("Ranking", func(t *testing.T) { lexicalRanking(t, newIndex) })
	t.Run("Ties", func(t *testing.T) { lexicalTies(t, newIndex) })
	t.Run("Model", func(t *testing.T) { lexicalModel(t, newIndex) })
	t.Run("OrderOfAdding", func(t *testing.T) { lexicalOrder(t, newIndex) })
	t.Run("BadInput", func(t *testing.T) { lexicalBadInput(t, newIndex) })
	t.Run("Cancelled", func(t *testing.T) { lexicalCancelled(t, newIndex) })
	t.Run("UpperBound", func(t *testing.T) { lexicalUpperBound(t, newIndex) })
	t.Run("WriterBesideReaders", func(t *testing.T) { lexicalConcurrent(t, newIndex) })
}

// ownWord is a word that no other number has: letters that no stemmer takes off.
func ownWord(i int) string {
	const letters = "bdfgkmpt"
	var b strings.Builder
	b.WriteString("zo")
	for range 5 {
		b.WriteByte(letters[i%len(letters)])
		b.WriteByte('o')
		i /= len(letters)
	}
	return b.String() + "k"
}

// randomText has up to most words of a small vocabulary, small numbers more often.
func randomText(rng *rand.Rand, vocabulary, most int) string {
	var words []string
	for range rng.IntN(most + 1) {
		words = append(words, ownWord(rng.IntN(1+rng.IntN(vocabulary))))
	}
	return strings.Join(words, " ")
}

func mustFind(t *testing.T, x LexicalIndex, query string, k int, allow *index.Bitset) []index.Candidate {
	t.Helper()
	got, err := x.Search(t.Context(), query, k, allow)
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	for i, c := range got {
		if i > 0 && !got[i-1].Better(c) {
			t.Fatalf("query %q: %v comes before %v", query, got[i-1], c)
		}
	}
	return got
}

func lexicalEmpty(t *testing.T, newIndex NewLexical) {
	x := newIndex()
	x.Remove()
	x.Remove(0, 7)
	if got := mustFind(t, x, "anything", 10, nil); len(got) != 0 || x.Len() != 0 {
		t.Errorf("an empty index of %d rows answers %v", x.Len(), got)
	}
	for i, blank := range []string{"", " ", "\n\t", "…!"} {
		if ordinal := x.Add(blank); int(ordinal) != i {
			t.Errorf("Add(%q) returned ordinal %d, want %d", blank, ordinal, i)
		}
	}
	word := x.Add("kelp")
	for _, query := range []string{"", " ", "…!", "moss"} {
		if got := mustFind(t, x, query, 10, nil); len(got) != 0 {
			t.Errorf("query %q answers %v", query, got)
		}
	}
	if got := mustFind(t, x, "kelp", 10, nil); len(got) != 1 || got[0].Ordinal != word || got[0].Score <= 0 {
		t.Errorf("query kelp answers %v", got)
	}
	if y := newIndex().Compact(nil); y.Len() != 0 {
		t.Errorf("compacting nothing gives %d rows", y.Len())
	}
}

// lexicalRanking checks the comparisons that any sensible weighting of words makes.
func lexicalRanking(t *testing.T, newIndex NewLexical) {
	x := newIndex()
	texts := []string{
		"kelp moss moss moss",      // 0
		"kelp kelp kelp moss",      // 1: kelp more often
		"moss fern moss fern",      // 2
		"kelp moss fern fern",      // 3: two words of "kelp fern"
		"oak " + words("pine", 60), // 4: long
		"moss fern oak moss",       // 5
	}
	for _, s := range texts {
		x.Add(s)
	}
	f := func(query string, want ...uint32) {
		t.Helper()
		var got []uint32
		for _, c := range mustFind(t, x, query, len(want), nil) {
			got = append(got, c.Ordinal)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("query %q (-want +got):\n%s", query, diff)
		}
	}
	f("kelp", 1, 0, 3)
	f("KELP!", 1, 0, 3)
	f("kelp fern", 3)
	f("oak", 5, 4) // the shorter one first
	f("moss", 0)
}

func words(word string, n int) string { return strings.TrimSpace(strings.Repeat(word+" ", n)) }

func lexicalTies(t *testing.T, newIndex NewLexical) {
	const rows = 9000
	x := newIndex()
	var want []uint32
	for i := range rows {
		if i%3 == 0 {
			x.Add("fern moss")
			continue
		}
		x.Add("moss kelp")
		want = append(want, uint32(i))
	}
	for _, k := range []int{1, 5, 10, 100, 4096, 5999, rows} {
		var got []uint32
		for _, c := range mustFind(t, x, "kelp", k, nil) {
			got = append(got, c.Ordinal)
		}
		if diff := cmp.Diff(want[:min(k, len(want))], got); diff != "" {
			t.Fatalf("k %d: equal scores are not in order of ordinals (-want +got):\n%s", k, diff)
		}
	}
}

// lexicalModel does random things to an index and to a list of texts. What the index
// answers must be what an index answers, bit by bit, that is filled with the texts left.
func lexicalModel(t *testing.T, newIndex NewLexical) {
	rng := seeded(t)
	for range 6 {
		x := newIndex()
		var texts []string
		removed := make(map[uint32]bool)
		for step := range 300 {
			switch n := len(texts); {
			case n == 0 || rng.IntN(10) < 7:
				s := randomText(rng, 60, 12)
				if ordinal := x.Add(s); int(ordinal) != n {
					t.Fatalf("add %d returned ordinal %d", n, ordinal)
				}
				texts = append(texts, s)
			case rng.IntN(12) == 0:
				keep := randomSet(rng, n, 0.8)
				x, texts, removed = compactBoth(x, texts, removed, keep)
			default:
				some := []uint32{uint32(rng.IntN(n)), uint32(rng.IntN(n)), uint32(n + rng.IntN(3))}
				x.Remove(some...)
				removed[some[0]], removed[some[1]] = true, true
			}
			if x.Len() != len(texts) {
				t.Fatalf("%d rows, want %d", x.Len(), len(texts))
			}
			if step%10 == 0 {
				lexicalCompare(t, rng, newIndex, x, texts, removed)
			}
		}
	}
}

func compactBoth(x LexicalIndex, texts []string, removed map[uint32]bool, keep *index.Bitset) (LexicalIndex, []string, map[uint32]bool) {
	var keptTexts []string
	keptRemoved := make(map[uint32]bool)
	keep.Each(func(i uint32) bool {
		keptRemoved[uint32(len(keptTexts))] = removed[i]
		keptTexts = append(keptTexts, texts[i])
		return true
	})
	return x.Compact(keep), keptTexts, keptRemoved
}

// lexicalCompare fills a new index with the texts left, blank where one was removed, and
// compares answers under random filters.
func lexicalCompare(t *testing.T, rng *rand.Rand, newIndex NewLexical, x LexicalIndex, texts []string, removed map[uint32]bool) {
	t.Helper()
	fresh := newIndex()
	left := slices.Clone(texts)
	for i := range left {
		if removed[uint32(i)] {
			left[i] = ""
		}
		fresh.Add(left[i])
	}
	for _, share := range []float64{0, 0.02, 0.3, 0.9, 1} {
		query := randomText(rng, 70, 5)
		allow := randomSet(rng, len(texts)-min(len(texts), rng.IntN(4)), share)
		if share == 1 {
			allow = nil
		}
		all := mustFind(t, fresh, query, len(texts)+1, nil)
		matching := matchingRows(left, query)
		if len(all) != len(matching) {
			t.Fatalf("query %q answers %d rows, %d hold a word of it", query, len(all), len(matching))
		}
		var want []index.Candidate
		for _, c := range all {
			if !matching[c.Ordinal] {
				t.Fatalf("query %q answers %q", query, left[c.Ordinal])
			}
			if allow == nil || allow.Has(c.Ordinal) {
				want = append(want, c)
			}
		}
		k := 1 + rng.IntN(len(texts)+3)
		got := mustFind(t, x, query, k, allow)
		if diff := cmp.Diff(want[:min(k, len(want))], got, equateEmpty); diff != "" {
			t.Fatalf("query %q, k %d, share %g: not what a new index answers (-want +got):\n%s", query, k, share, diff)
		}
	}
}

// equateEmpty lets a nil answer equal an empty one.
var equateEmpty = cmp.Transformer("length", func(c []index.Candidate) any {
	if len(c) == 0 {
		return "none"
	}
	return fmt.Sprintf("%v", c)
})

func matchingRows(texts []string, query string) map[uint32]bool {
	asked := strings.Fields(query)
	rows := make(map[uint32]bool)
	for i, s := range texts {
		for _, word := range strings.Fields(s) {
			if slices.Contains(asked, word) {
				rows[uint32(i)] = true
			}
		}
	}
	return rows
}

// lexicalOrder fills two indexes with the same texts in different order: every text must
// get the same score, to the bit.
func lexicalOrder(t *testing.T, newIndex NewLexical) {
	rng := seeded(t)
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = randomText(rng, 200, 40)
	}
	order := rng.Perm(len(texts))
	x, y := newIndex(), newIndex()
	for i := range texts {
		x.Add(texts[i])
		y.Add(texts[order[i]])
	}
	for range 50 {
		query := randomText(rng, 200, 8)
		scores := make(map[uint32]float32)
		for _, c := range mustFind(t, x, query, len(texts), nil) {
			scores[c.Ordinal] = c.Score
		}
		got := mustFind(t, y, query, len(texts), nil)
		if len(got) != len(scores) {
			t.Fatalf("query %q: %d rows in one order, %d in another", query, len(scores), len(got))
		}
		for _, c := range got {
			if want := scores[uint32(order[c.Ordinal])]; c.Score != want {
				t.Fatalf("query %q: score %v in one order, %v in another", query, want, c.Score)
			}
		}
		fields := strings.Fields(query)
		slices.Reverse(fields)
		if diff := cmp.Diff(got, mustFind(t, y, strings.Join(fields, " "), len(texts), nil), equateEmpty); diff != "" {
			t.Fatalf("query %q reversed (-want +got):\n%s", query, diff)
		}
	}
}

func lexicalBadInput(t *testing.T, newIndex NewLexical) {
	x := newIndex()
	x.Add("kelp \xff\xfe\x00 kelp")
	for _, k := range []int{0, -1} {
		if _, err := x.Search(t.Context(), "kelp", k, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("k %d: got error %v, want code invalid", k, err)
		}
	}
	if got := mustFind(t, x, "kelp \xff", 1_000_000_000, nil); len(got) != 1 {
		t.Errorf("huge k: got %v", got)
	}
	if got := mustFind(t, x, words("kelp", 10_000), 1, &index.Bitset{}); len(got) != 0 {
		t.Errorf("nothing allowed: got %v", got)
	}
}

func lexicalCancelled(t *testing.T, newIndex NewLexical) {
	x := newIndex()
	x.Add("kelp")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, "kelp", 1, nil); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("cancelled search: got error %v, want code canceled", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := x.Search(ctx, "kelp", 1, nil); !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("late search: got error %v, want code timeout", err)
	}
}

// lexicalUpperBound is for indexes that have the optional power.
func lexicalUpperBound(t *testing.T, newIndex NewLexical) {
	rng := seeded(t)
	x := newIndex()
	bounded, ok := x.(Bounded)
	if !ok {
		t.Skip("the index is not Bounded")
	}
	if got := bounded.UpperBound("kelp"); got < 0 {
		t.Errorf("an empty index bounds by %v", got)
	}
	for range 300 {
		x.Add(randomText(rng, 100, 1+rng.IntN(30)))
	}
	x.Add(words(ownWord(0), 100_000))
	if got := bounded.UpperBound(""); got != 0 {
		t.Errorf("a query without words is bounded by %v, want 0", got)
	}
	for i := range 200 {
		query := randomText(rng, 110, 1+i%9)
		if i == 0 {
			query = ownWord(0)
		}
		bound := bounded.UpperBound(query)
		for _, c := range mustFind(t, x, query, 1, nil) {
			if float64(c.Score) > bound {
				t.Fatalf("query %q: score %v exceeds the bound %v", query, c.Score, bound)
			}
		}
		if more := bounded.UpperBound(query + " neverseen"); more <= bound {
			t.Fatalf("query %q: a word that no row holds changes the bound from %v to %v", query, bound, more)
		}
	}
}
