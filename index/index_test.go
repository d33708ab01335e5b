package index_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// members are the ordinals of a set by its iteration.
func members(b *index.Bitset) []uint32 {
	var got []uint32
	b.Each(func(i uint32) bool {
		got = append(got, i)
		return true
	})
	return got
}

func TestBitsetAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		set, model := index.NewBitset(n), make(map[uint32]bool)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				i := rapid.Uint32Range(0, 400).Draw(t, "i")
				set.Set(i)
				model[i] = true
				n = max(n, int(i)+1)
			},
			"clear": func(t *rapid.T) {
				i := rapid.Uint32Range(0, 1000).Draw(t, "i")
				set.Clear(i)
				delete(model, i)
			},
			"": func(t *rapid.T) { checkBitset(t, set, n, model) },
		})
	})
}

func checkBitset(t *rapid.T, set *index.Bitset, n int, model map[uint32]bool) {
	if set.Len() != n || set.Count() != len(model) {
		t.Fatalf("length %d and %d members, want %d and %d", set.Len(), set.Count(), n, len(model))
	}
	for i := range uint32(n + 70) {
		if set.Has(i) != model[i] {
			t.Fatalf("Has(%d) is %v", i, set.Has(i))
		}
		if set.Word(int(i/64))>>(i%64)&1 == 1 != model[i] {
			t.Fatalf("Word has %d wrong", i)
		}
	}
	got := members(set)
	if len(got) != len(model) || !slices.IsSorted(got) {
		t.Fatalf("Each gives %v", got)
	}
}

func TestBitsetOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (*index.Bitset, map[uint32]bool) {
			set, model := index.NewBitset(rapid.IntRange(0, 200).Draw(t, name+" length")), make(map[uint32]bool)
			for _, i := range rapid.SliceOf(rapid.Uint32Range(0, 250)).Draw(t, name) {
				set.Set(i)
				model[i] = true
			}
			return set, model
		}
		a, inA := draw("a")
		b, inB := draw("b")
		both, onlyA := a.Clone(), a.Clone()
		both.And(b)
		onlyA.AndNot(b)
		for i := range uint32(300) {
			if both.Has(i) != (inA[i] && inB[i]) || onlyA.Has(i) != (inA[i] && !inB[i]) || a.Has(i) != inA[i] {
				t.Fatalf("ordinal %d: and %v, and not %v, original %v", i, both.Has(i), onlyA.Has(i), a.Has(i))
			}
		}
		if both.Len() != a.Len() || onlyA.Len() != a.Len() {
			t.Fatal("the length changed")
		}
	})
}

func TestBitsetEdges(t *testing.T) {
	var none *index.Bitset
	if none.Len() != 0 || none.Has(0) || none.Count() != 0 || none.Word(0) != 0 || members(none) != nil || none.Clone().Len() != 0 {
		t.Error("a nil set must read as empty")
	}
	for _, n := range []int{-1, 0, 1, 63, 64, 65, 128} {
		set := index.NewBitset(n)
		set.SetAll()
		if set.Count() != max(n, 0) || set.Has(uint32(max(n, 0))) {
			t.Errorf("all of %d are %d", n, set.Count())
		}
	}
	set := index.NewBitset(200)
	set.SetAll()
	seen := 0
	set.Each(func(i uint32) bool { seen++; return i < 99 })
	if seen != 100 {
		t.Errorf("Each went on for %d members after it was told to stop", seen)
	}
	set.And(nil)
	if set.Count() != 0 {
		t.Error("and with nil must leave nothing")
	}
}

func TestTopKAgainstSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.SampledFrom([]float32{-2, -1, 0, 0.5, 1})).Draw(t, "scores")
		k := rapid.IntRange(0, 30).Draw(t, "k")
		var all []index.Candidate
		for i, score := range scores {
			all = append(all, index.Candidate{Ordinal: uint32(i), Score: score})
		}
		shuffled := rapid.Permutation(all).Draw(t, "order")
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		top, other := index.NewTopK(k), index.NewTopK(k)
		for _, c := range shuffled[:cut] {
			top.Offer(c)
		}
		for _, c := range shuffled[cut:] {
			other.Offer(c)
		}
		top.Merge(other)

		slices.SortFunc(all, func(a, b index.Candidate) int {
			if a.Better(b) {
				return -1
			}
			return 1
		})
		want := all[:min(k, len(all))]
		if k > 0 && top.Full() && top.Worst() != want[k-1] {
			t.Fatalf("worst is %v, want %v", top.Worst(), want[k-1])
		}
		if got := top.Sorted(); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestRecall(t *testing.T) {
	f := func(got, want []uint32, recall float64) {
		t.Helper()
		list := func(ordinals []uint32) (out []index.Candidate) {
			for _, o := range ordinals {
				out = append(out, index.Candidate{Ordinal: o})
			}
			return out
		}
		if r := index.Recall(list(got), list(want)); r != recall {
			t.Errorf("recall of %v against %v is %v, want %v", got, want, r, recall)
		}
	}
	f(nil, nil, 1)
	f(nil, []uint32{1}, 0)
	f([]uint32{3, 2, 1}, []uint32{1, 2, 3}, 1)
	f([]uint32{1, 9, 8, 7}, []uint32{1, 2, 3, 4}, 0.25)
	f([]uint32{1, 2, 3, 4, 5}, []uint32{5}, 1)
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := index.Stopped(ctx); err != nil {
		t.Errorf("alive: %v", err)
	}
	cancel()
	if err := index.Stopped(ctx); !lode.IsCode(err, lode.CodeCanceled) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := index.Stopped(ctx); !lode.IsCode(err, lode.CodeTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
}

func BenchmarkTopK(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	scores := make([]float32, 100_000)
	for i := range scores {
		scores[i] = rng.Float32()
	}
	for b.Loop() {
		top := index.NewTopK(100)
		for i, score := range scores {
			top.Offer(index.Candidate{Ordinal: uint32(i), Score: score})
		}
		top.Sorted()
	}
}
