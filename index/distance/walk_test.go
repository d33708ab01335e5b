package distance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomGraph links nodes at random; lists end where a link leads to the node itself.
func randomGraph(rng *rand.Rand, nodes, slots int) []uint32 {
	links := make([]uint32, nodes*slots)
	for i := range nodes {
		used := rng.IntN(slots + 1)
		for j := range slots {
			links[i*slots+j] = uint32(i)
			if j < used {
				links[i*slots+j] = uint32(rng.IntN(nodes))
			}
		}
	}
	return links
}

// The walk in assembly must meet the same nodes in the same order as the one in Go around
// the same kernel: the same pool, flags included, the same visits and counts.
func TestWalkAgainstGo(t *testing.T) {
	const nodes = 300
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes {
			if sh.format == Float16 {
				continue // no walk in assembly
			}
			rng := rand.New(rand.NewPCG(31, uint64(sh.format)))
			for _, dim := range []int{16, 17, 100, 128, 200, 700} {
				s := newSample(rng, sh, dim, nodes)
				stride := sh.format.Bytes(dim) + rng.IntN(20)
				var sc Scorer
				s.set(&sc)
				sc.SetRows(s.region(0, stride), stride, -1)
				if dim%2 == 0 {
					sc.SetCorrections(randomCorrections(rng, nodes), 12)
				}
				for range 8 {
					slots := 1 + rng.IntN(MaxSlots)
					links := randomGraph(rng, nodes, slots)
					follow, spare, hops := 1+rng.IntN(60), rng.IntN(20), 1+rng.IntN(40)
					entry := uint32(rng.IntN(nodes))
					compiled, plain := newWalk(links, slots, nodes, entry, follow, spare), newWalk(links, slots, nodes, entry, follow, spare)
					walk := sc.walk
					for {
						sc.walk = walk
						got := compiled.Run(&sc, hops)
						sc.walk = nil
						want := plain.Run(&sc, hops)
						sameWalk(t, compiled, plain)
						if got != want {
							t.Fatalf("%v: status %d, want %d", sh, got, want)
						}
						if got == Done {
							break
						}
					}
					sc.walk = walk
				}
			}
		}
	})
}

func randomCorrections(rng *rand.Rand, rows int) []byte {
	b := make([]byte, 12*rows)
	for i := range rows {
		PutFloat32(b[12*i:], []float32{rng.Float32() * 100, rng.Float32(), 7})
	}
	return b
}

func newWalk(links []uint32, slots, nodes int, entry uint32, follow, spare int) *Walk {
	w := &Walk{Links: links, Slots: slots, Nodes: nodes, Visited: make([]uint8, nodes), Epoch: 3}
	w.Pool.Reset(follow, spare)
	w.Pool.Insert(Key(1e30, entry))
	w.Visited[entry] = w.Epoch
	return w
}

func sameWalk(t *testing.T, got, want *Walk) {
	t.Helper()
	if !slices.Equal(got.Pool.Keys(), want.Pool.Keys()) {
		t.Fatalf("pool\n%x, want\n%x", got.Pool.Keys(), want.Pool.Keys())
	}
	if !slices.Equal(got.Visited, want.Visited) || got.Hops != want.Hops || got.Compared != want.Compared {
		t.Fatalf("%d hops and %d rows, want %d and %d", got.Hops, got.Compared, want.Hops, want.Compared)
	}
}

// A link to nowhere stops the walk before anything is read there.
func TestWalkFindsStrayLinks(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes {
			rng := rand.New(rand.NewPCG(32, 33))
			s := newSample(rng, sh, 64, 10)
			var sc Scorer
			s.set(&sc)
			stride := sh.format.Bytes(64)
			sc.SetRows(s.region(0, stride), stride, -1)
			for _, stray := range []uint32{10, 1 << 20, math.MaxInt32, math.MaxUint32} {
				links := make([]uint32, 10*4)
				for i := range links {
					links[i] = uint32(i / 4)
				}
				links[0], links[1] = 5, stray
				w := newWalk(links, 4, 10, 0, 10, 0)
				if got := w.Run(&sc, 100); got != Stray {
					t.Errorf("%v: a link to %d gives status %d", sh, stray, got)
				}
			}
		}
	})
}

func TestPoolAgainstSort(t *testing.T) {
	rng := rand.New(rand.NewPCG(34, 35))
	var p Pool
	for range 200 {
		follow, spare := 1+rng.IntN(30), rng.IntN(30)
		p.Reset(follow, spare)
		var all []int64
		for id := range uint32(rng.IntN(200)) {
			key := Key(float32(rng.NormFloat64()), id)
			if got := KeyScore(key); KeyRow(key) != id || got < p.Threshold() != (len(all) < follow+spare || key < all[follow+spare-1]) && got != p.Threshold() {
				t.Fatalf("row %d of score %v, threshold %v", id, got, p.Threshold())
			}
			p.Insert(key)
			all = append(all, key)
			slices.Sort(all)
			if want := all[:min(len(all), follow+spare)]; !slices.Equal(p.Keys(), want) {
				t.Fatalf("pool %v, want %v", p.Keys(), want)
			}
		}
		best := slices.Clone(p.Keys())
		for i := 0; ; i++ {
			row, ok := p.Take()
			if ok != (i < min(follow, len(best))) {
				t.Fatalf("row %d of %d, follow %d: taken %v", i, len(best), follow, ok)
			}
			if !ok {
				break
			}
			if row != KeyRow(best[i]) {
				t.Fatalf("row %d taken, not %d", row, KeyRow(best[i]))
			}
		}
	}
}

func TestKeysSortLikeScores(t *testing.T) {
	scores := []float32{float32(math.Inf(-1)), -math.MaxFloat32, -2, -1, -1e-45, 0, 1e-45, 1, 2, math.MaxFloat32, float32(math.Inf(1))}
	for i, a := range scores {
		if got := KeyScore(Key(a, 7)); got != a {
			t.Errorf("%v comes back as %v", a, got)
		}
		for _, b := range scores[i+1:] {
			if !(Key(a, MaxWalkRows-1) < Key(b, 0)) {
				t.Errorf("%v does not sort before %v", a, b)
			}
		}
	}
}

// A pool that is resized keeps its best rows, and goes on with those that were not followed.
func TestResize(t *testing.T) {
	var p Pool
	p.Reset(3, 5)
	for row := range uint32(8) {
		p.Insert(Key(float32(row), row))
	}
	take := func(want ...uint32) {
		t.Helper()
		for _, w := range want {
			if row, ok := p.Take(); !ok || row != w {
				t.Fatalf("took %d, %v, want %d", row, ok, w)
			}
		}
		if row, ok := p.Take(); ok {
			t.Fatalf("took %d, there should be none", row)
		}
	}
	take(0, 1, 2)
	p.Resize(5, 3)
	take(3, 4)
	p.Resize(2, 1)
	if p.Held() != 3 || len(p.Keys()) != 3 || p.Threshold() != 2 {
		t.Errorf("%d rows are held below %v", p.Held(), p.Threshold())
	}
	p.Insert(Key(0.5, 9))
	take(9)
	p.Resize(400, 100) // more than there was memory for
	for row := uint32(10); row < 400; row++ {
		p.Insert(Key(float32(row), row))
	}
	if row, ok := p.Take(); !ok || row != 10 || p.Held() != 393 {
		t.Errorf("took %d, %v; %d rows are held", row, ok, p.Held())
	}
}
