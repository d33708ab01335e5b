package hnsw_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

// sealed returns the sealed form of an index, at a cache line.
func sealed(t testing.TB, x *hnsw.Index, o hnsw.SealOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Seal(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSealedAnswersAlike(t *testing.T) {
	d := clustered(t, 2500, 40, 20)
	for _, kind := range kinds {
		for _, metric := range []lode.Metric{lode.Cosine, lode.Dot, lode.L2} {
			d.metric = metric
			x := build(t, d, hnsw.Options{Kind: kind, EfConstruction: 40, Seed: 9, Ef: 77, M: 8})
			long := slices.Clone(d.rows[0])
			long[2] = 1e30
			if _, err := x.Add(long); err != nil {
				t.Fatal(err)
			}
			x.Delete(5, 6, 7)
			y, err := hnsw.Open(sealed(t, x, hnsw.SealOptions{}), hnsw.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if y.Len() != x.Len() || y.Deleted() != 3 || y.Dim() != 40 || y.Metric() != metric || y.Options().Ef != 77 || y.Options().Kind != kind {
				t.Errorf("%d rows, %d deleted, options %+v", y.Len(), y.Deleted(), y.Options())
			}
			if err := y.Verify(t.Context()); err != nil {
				t.Errorf("verify: %v", err)
			}
			for o := range uint32(x.Len()) {
				if !slices.Equal(x.Vector(o), y.Vector(o)) {
					t.Fatalf("row %d differs", o)
				}
			}
			sameAnswers(t, d, x, y)
		}
	}
}

// sameAnswers compares exact answers to the bit, and others by recall.
func sameAnswers(t *testing.T, d *dataset, x, y searcher) {
	t.Helper()
	alike := 0.0
	for _, q := range d.queries[:40] {
		for _, exact := range []bool{true, false} {
			want, err := x.SearchWith(t.Context(), q, hnsw.SearchOptions{K: 10, Ef: 20, Exact: exact})
			if err != nil {
				t.Fatal(err)
			}
			got, err := y.SearchWith(t.Context(), q, hnsw.SearchOptions{K: 10, Ef: 20, Exact: exact})
			if err != nil {
				t.Fatal(err)
			}
			if exact && !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			alike += index.Recall(got, want) / 80
		}
	}
	if alike < 0.99 {
		t.Errorf("answers are alike by %.3f", alike)
	}
}

func TestSealedWithoutVectors(t *testing.T) {
	d := clustered(t, 500, 24, 10)
	x := build(t, d, hnsw.Options{Kind: quant.Int8, EfConstruction: 40})
	data := sealed(t, x, hnsw.SealOptions{WithoutVectors: true})
	vectors := make([]byte, 0, 500*24*4)
	for o := range uint32(500) {
		row := make([]byte, 24*4)
		distance.PutFloat32(row, x.Vector(o))
		vectors = append(vectors, row...)
	}
	y, err := hnsw.Open(data, hnsw.OpenOptions{Vectors: vectors})
	if err != nil {
		t.Fatal(err)
	}
	sameAnswers(t, d, x, y)
	for name, v := range map[string][]byte{"none": nil, "short": vectors[4:], "odd": append([]byte{0}, vectors...)[1:]} {
		if _, err := hnsw.Open(data, hnsw.OpenOptions{Vectors: v}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("vectors %s: error %v", name, err)
		}
	}
}

func TestSealedEmpty(t *testing.T) {
	for _, n := range []int{0, 1, 2} {
		x := mustNew(t, hnsw.Options{Dim: 3})
		for range n {
			if _, err := x.Add(lode.Vector{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
		}
		y, err := hnsw.Open(sealed(t, x, hnsw.SealOptions{}), hnsw.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := y.Search(t.Context(), lode.Vector{1, 0, 0}, 5, nil); err != nil || len(got) != n {
			t.Errorf("%d rows: answer %v, error %v", n, got, err)
		}
	}
}

// Every flipped bit must be found, at least one in each kilobyte and all of the head; so
// must every cut.
func TestDamageIsFound(t *testing.T) {
	d := clustered(t, 700, 40, 10)
	x := build(t, d, hnsw.Options{EfConstruction: 30})
	x.Delete(3)
	data := sealed(t, x, hnsw.SealOptions{})
	rng := rand.New(rand.NewPCG(77, 78))
	refused := func(b []byte, what string, at int) {
		t.Helper()
		if _, err := hnsw.Open(b, hnsw.OpenOptions{}); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatalf("%s at %d of %d: error %v", what, at, len(b), err)
		}
	}
	for at := 0; at < len(data); at += 1 + rng.IntN(1024) {
		if at < 1024 {
			at = at/2 + at%2
		}
		bit := byte(1) << rng.IntN(8)
		data[at] ^= bit
		refused(data, "flip", at)
		data[at] ^= bit
	}
	for at := range 700 {
		data[at] ^= 0x10
		refused(data, "flip", at)
		data[at] ^= 0x10
	}
	for at := 0; at < len(data); at += 1 + rng.IntN(4000) {
		refused(data[:at:at], "cut", at)
	}
	refused(append(slices.Clone(data), 0), "longer", len(data))
	if _, err := hnsw.Open(data, hnsw.OpenOptions{}); err != nil {
		t.Fatalf("the negative control: %v", err)
	}
}

// What is opened on trust may answer wrongly when it is damaged, but never crashes, and
// Verify finds the damage.
func TestTrustedDamageDoesNotCrash(t *testing.T) {
	d := clustered(t, 700, 40, 10)
	for _, kind := range kinds {
		data := sealed(t, build(t, d, hnsw.Options{Kind: kind, EfConstruction: 30}), hnsw.SealOptions{})
		rng := rand.New(rand.NewPCG(79, 80))
		opened := 0
		for range 60 {
			bad := slices.Clone(data)
			at := len(bad)/40 + rng.IntN(len(bad)*9/10)
			for range 50 {
				bad[min(len(bad)-1, at+rng.IntN(3000))] = byte(rng.Uint32())
			}
			y, err := hnsw.Open(bad, hnsw.OpenOptions{Trust: true})
			if err != nil {
				if !lode.IsCode(err, lode.CodeCorrupt) {
					t.Fatal(err)
				}
				continue
			}
			opened++
			for _, q := range d.queries[:10] {
				got, err := y.Search(t.Context(), q, 10, nil)
				if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
					t.Fatal(err)
				}
				for _, c := range got {
					if int(c.Ordinal) >= y.Len() {
						t.Fatalf("answer %v", c)
					}
				}
			}
			if err := y.Verify(t.Context()); !lode.IsCode(err, lode.CodeCorrupt) {
				t.Fatalf("verify: %v", err)
			}
		}
		if opened == 0 {
			t.Errorf("%s: no damage was opened on trust", kind)
		}
	}
}

// A full disk is the writer's error, not a panic.
func TestSealReportsTheWriter(t *testing.T) {
	x := mustNew(t, hnsw.Options{Dim: 3})
	if err := x.Seal(failing{}, hnsw.SealOptions{}); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

// FuzzOpen opens anything, with checksums made right again so that the checks behind them
// are reached.
func FuzzOpen(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := mustNew(f, hnsw.Options{Dim: 5, M: 3, EfConstruction: 10})
	for range 40 {
		if _, err := x.Add(gaussian(rng, 5)); err != nil {
			f.Fatal(err)
		}
	}
	data := sealed(f, x, hnsw.SealOptions{})
	f.Add(uint32(0), uint64(0), true)
	f.Add(uint32(20), uint64(1)<<40, true)
	f.Add(uint32(700), uint64(0xffffffff), true)
	f.Add(uint32(300), uint64(77), false)
	f.Fuzz(func(t *testing.T, at uint32, xor uint64, repair bool) {
		bad := slices.Clone(data)
		i := int(at) % (len(bad) - 8)
		binary.LittleEndian.PutUint64(bad[i:], binary.LittleEndian.Uint64(bad[i:])^xor)
		if repair {
			hnsw.Repair(bad)
		}
		y, err := hnsw.Open(bad, hnsw.OpenOptions{})
		if err != nil {
			if !lode.IsCode(err, lode.CodeCorrupt) && !lode.IsCode(err, lode.CodeInvalid) {
				t.Fatal(err)
			}
			return
		}
		q := make(lode.Vector, y.Dim())
		q[0] = 1
		if _, err := y.Search(t.Context(), q, 5, nil); err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatal(err)
		}
	})
}

// A file that is cut while it is mapped makes searches fail, not the program.
func TestVanishedPages(t *testing.T) {
	d := clustered(t, 3000, 64, 10)
	x := build(t, d, hnsw.Options{EfConstruction: 20, M: 8})
	path := filepath.Join(t.TempDir(), "index")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := x.Seal(file, hnsw.SealOptions{}); err != nil {
		t.Fatal(err)
	}
	data := mapFile(t, file)
	y, err := hnsw.Open(data, hnsw.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.recall(t, y, hnsw.SearchOptions{}); got < 0.9 {
		t.Errorf("recall %.3f from the file", got)
	}
	if err := file.Truncate(int64(len(data) / 4)); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, q := range d.queries {
		if _, err := y.Search(t.Context(), q, 10, nil); lode.IsCode(err, lode.CodeCorrupt) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 {
		t.Error("no search noticed that pages are gone")
	}
	if err := y.Verify(t.Context()); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("verify: %v", err)
	}
	if v := y.Vector(2999); v != nil {
		t.Errorf("a vanished row is %v", v)
	}
	if _, err := hnsw.Open(data, hnsw.OpenOptions{}); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("open: %v", err)
	}
}

// TestMeanLinks: a row has no link, two have each other, and of three in a line the outer two
// meet through the middle one.
func TestMeanLinks(t *testing.T) {
	x := mustNew(t, hnsw.Options{Dim: 3, Metric: lode.L2})
	for rows, want := range []float64{0, 0, 1, 4.0 / 3} {
		sealed, err := x.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		if got := sealed.MeanLinks(); got != want {
			t.Errorf("%d rows have %v links each, want %v", rows, got, want)
		}
		if _, err := x.Add(lode.Vector{float32(rows), 1, 1}); err != nil {
			t.Fatal(err)
		}
	}
}
