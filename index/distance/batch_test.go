package distance

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
)

// eachSet runs a test once for every set that this CPU can run.
func eachSet(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, name := range Sets() {
		t.Run(name, func(t *testing.T) {
			if err := Force(name); err != nil {
				t.Fatal(err)
			}
			defer Force("")
			f(t)
		})
	}
}

// shape is one kernel: a format and, for floats, a metric.
type shape struct {
	format Format
	metric lode.Metric
}

var shapes = []shape{
	{Float32, lode.Dot}, {Float32, lode.L2}, {Float16, lode.Dot}, {Float16, lode.L2},
	{Int8, lode.Dot}, {Int4, lode.Dot}, {Bit1, lode.Dot},
}

func (s shape) String() string { return fmt.Sprintf("%v-%s", s.format, s.metric) }

// sample is a query with rows, and the sums in float64 with the magnitude they are rounded by.
type sample struct {
	shape
	dim        int
	floatQuery []float32
	codeQuery  []int8
	rows       [][]byte
}

func newSample(rng *rand.Rand, sh shape, dim, n int) *sample {
	s := &sample{shape: sh, dim: dim, floatQuery: randomVector(rng, dim, 1), codeQuery: make([]int8, dim)}
	for i := range s.codeQuery {
		s.codeQuery[i] = int8(rng.IntN(256) - 128)
		if sh.format == Bit1 {
			s.codeQuery[i] = int8(rng.IntN(16) - 8)
		}
	}
	for range n {
		row := make([]byte, sh.format.Bytes(dim))
		switch sh.format {
		case Float32:
			PutFloat32(row, randomVector(rng, dim, 1))
		case Float16:
			PutFloat16(row, randomVector(rng, dim, 1))
		default:
			for i := range row {
				row[i] = byte(rng.Uint32())
			}
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// element is dimension i of a row, without any of the package's own code for it.
func (s *sample) element(row []byte, i int) float64 {
	switch s.format {
	case Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:])))
	case Float16:
		h := binary.LittleEndian.Uint16(row[2*i:])
		v := math.Ldexp(float64(h&0x3ff|0x400), int(h>>10&31)-25)
		if h>>10&31 == 0 {
			v = math.Ldexp(float64(h&0x3ff), -24)
		}
		if h>>10&31 == 31 {
			v = math.Inf(1)
			if h&0x3ff != 0 {
				v = math.NaN()
			}
		}
		if h&0x8000 != 0 {
			v = -v
		}
		return v
	case Int8:
		return float64(int8(row[i]))
	case Int4:
		return float64(row[i/2] >> (i % 2 * 4) & 15)
	}
	return float64(row[i/8] >> (i % 8) & 1)
}

// want is the sum over a row and the sum of its terms' magnitudes.
func (s *sample) want(row []byte) (sum, magnitude float64) {
	for i := range s.dim {
		q := float64(s.codeQuery[i])
		if s.format == Float32 || s.format == Float16 {
			q = float64(s.floatQuery[i])
		}
		x := s.element(row, i)
		term := q * x
		if s.metric == lode.L2 {
			term = (q - x) * (q - x)
		}
		sum, magnitude = sum+term, magnitude+math.Abs(term)
	}
	return sum, magnitude
}

func (s *sample) set(sc *Scorer) {
	switch s.format {
	case Int8:
		sc.SetInt8(s.codeQuery)
	case Int4:
		sc.SetInt4(s.codeQuery)
	case Bit1:
		sc.SetBit1(s.codeQuery)
	default:
		sc.SetFloats(s.format, s.metric, s.floatQuery)
		sc.SetScale(1, 0, 0)
	}
}

// region lays the rows out with the stride, from the given offset in memory.
func (s *sample) region(offset, stride int) []byte {
	data := make([]byte, offset+stride*len(s.rows))[offset:]
	for i, row := range s.rows {
		copy(data[i*stride:], row)
	}
	return data
}

func (s *sample) check(t *testing.T, what string, row []byte, got float64) {
	t.Helper()
	want, magnitude := s.want(row)
	if diff := math.Abs(got - want); !(diff <= magnitude*RelativeError(s.dim)+1e-30) {
		t.Fatalf("%v of dim %d, %s: got %v, want %v", s.shape, s.dim, what, got, want)
	}
}

func lengths() []int {
	step := 13
	if testing.Short() {
		step = 401
	}
	var all []int
	for n := 1; n <= 300; n += 1 + step/100 {
		all = append(all, n)
	}
	for n := 301; n <= longest; n += step {
		all = append(all, n)
	}
	return append(all, 384, 511, 512, 513, 768, 1023, 1024, 1025, 1536, 2047, 2048)
}

func TestBatchesAgreeWithPlainSums(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes {
			rng := rand.New(rand.NewPCG(11, uint64(sh.format)))
			var sc Scorer
			for _, dim := range lengths() {
				s := newSample(rng, sh, dim, 6)
				stride := sh.format.Bytes(dim) + rng.IntN(70)
				s.set(&sc)
				sc.SetRows(s.region(rng.IntN(64), stride), stride, -1)
				scores := make([]float32, 6)
				sc.ScanScores(scores, 0)
				for i, row := range s.rows {
					s.check(t, "scan", row, float64(scores[i]))
				}
				ids := []uint32{5, 0, 3, 3, 1}
				sc.Scores(scores[:5], ids)
				for i, id := range ids {
					s.check(t, "gather", s.rows[id], float64(scores[i]))
				}
				if sh.format != Float32 && sh.format != Float16 {
					sums := make([]int32, 5)
					sc.Sums(sums, 1)
					for i := range sums {
						if want, _ := s.want(s.rows[i+1]); float64(sums[i]) != want {
							t.Fatalf("%v of dim %d: sum %d, want %v", sh, dim, sums[i], want)
						}
					}
				}
			}
		}
	})
}

func TestEveryOffsetInMemory(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes {
			rng := rand.New(rand.NewPCG(12, 1))
			for _, dim := range []int{33, 100, 130} {
				s := newSample(rng, sh, dim, 5)
				for offset := range 64 {
					var sc Scorer
					s.set(&sc)
					stride := sh.format.Bytes(dim) + offset%7
					sc.SetRows(s.region(offset, stride), stride, -1)
					scores := make([]float32, 5)
					sc.ScanScores(scores, 0)
					for i, row := range s.rows {
						s.check(t, fmt.Sprint("offset ", offset), row, float64(scores[i]))
					}
				}
			}
		}
	})
}

// The largest codes must not overflow any sum on the way.
func TestExtremeCodes(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, dim := range []int{1, 31, 64, 100, 1536, MaxDim} {
			x, y := make([]int8, dim), make([]int8, dim)
			for _, pair := range [][2]int8{{-128, -128}, {-128, 127}, {127, 127}, {127, -128}} {
				for i := range x {
					x[i], y[i] = pair[0], pair[1]
				}
				want := int32(pair[0]) * int32(pair[1]) * int32(dim)
				if got := DotInt8(x, y); got != want {
					t.Fatalf("%d times %d, dim %d: got %d, want %d", pair[0], pair[1], dim, got, want)
				}
				distance := int64(pair[0]) - int64(pair[1])
				if got := L2SquaredInt8(x, y); got != distance*distance*int64(dim) {
					t.Fatalf("l2 of %d and %d, dim %d: got %d", pair[0], pair[1], dim, got)
				}
				var sc Scorer
				sc.SetInt4(x)
				row := slices.Repeat([]byte{255}, Int4.Bytes(dim))
				sc.SetRows(row, len(row), -1)
				var sum [1]int32
				if sc.Sums(sum[:], 0); sum[0] != 15*int32(pair[0])*int32(dim) {
					t.Fatalf("15 times %d, dim %d: got %d", pair[0], dim, sum[0])
				}
			}
		}
	})
}

func TestThresholdCompression(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes {
			rng := rand.New(rand.NewPCG(13, uint64(sh.format)))
			for n := range 40 {
				s := newSample(rng, sh, 40+n, max(n, 1))
				stride := sh.format.Bytes(s.dim) + 8
				data := s.region(0, stride)
				for i := range s.rows { // every row has an addend and a factor of its own
					at := data[i*stride+stride-8:]
					binary.LittleEndian.PutUint32(at, math.Float32bits(rng.Float32()*10))
					binary.LittleEndian.PutUint32(at[4:], math.Float32bits(rng.Float32()-0.5))
				}
				var sc Scorer
				s.set(&sc)
				sc.SetScale(0.5, 3, -1)
				sc.SetRows(data, stride, stride-8)
				ids := make([]uint32, n)
				for i := range ids {
					ids[i] = uint32(rng.IntN(len(s.rows)))
				}
				all := make([]float32, n)
				sc.Scores(all, ids)
				for i, id := range ids {
					at := data[int(id)*stride+stride-8:]
					addend, factor := float64(float32At(at, 0)), float64(float32At(at, 1))
					sum, magnitude := s.want(s.rows[id])
					want := (sum*0.5+3)*factor + addend - 1
					if math.Abs(float64(all[i])-want) > 1e-5*(magnitude+13) {
						t.Fatalf("%v: corrected score %v, want %v", sh, all[i], want)
					}
				}
				for _, threshold := range thresholds(all) {
					positions, scores := make([]uint32, n), make([]float32, n)
					got := sc.Batch(positions, scores, ids, threshold)
					checkChosen(t, all, positions[:got], scores[:got], threshold)
				}
				scanned := make([]float32, len(s.rows))
				sc.ScanScores(scanned, 0)
				positions, scores := make([]uint32, len(scanned)), make([]float32, len(scanned))
				got := sc.Scan(positions, scores, 0, len(scanned), 2)
				checkChosen(t, scanned, positions[:got], scores[:got], 2)
			}
		}
	})
}

// thresholds lie below, between, at and above the scores.
func thresholds(scores []float32) []float32 {
	inf := float32(math.Inf(1))
	out := []float32{-inf, inf, 0, float32(math.NaN())}
	if len(scores) > 0 {
		sorted := slices.Sorted(slices.Values(scores))
		out = append(out, sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1])
	}
	return out
}

func checkChosen(t *testing.T, all []float32, positions []uint32, scores []float32, threshold float32) {
	t.Helper()
	next := 0
	for i, score := range all {
		if !(score < threshold) {
			continue
		}
		if next >= len(positions) || positions[next] != uint32(i) || scores[next] != score {
			t.Fatalf("below %v: got %v at %v, want number %d to be %v at %d", threshold, scores, positions, next, score, i)
		}
		next++
	}
	if next != len(positions) {
		t.Fatalf("below %v: got %d scores, want %d", threshold, len(positions), next)
	}
}

func TestBatchesKeepWhatIsNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes[:4] {
			for _, dim := range []int{1, 7, 8, 9, 15, 16, 17, 31, 33, 47, 100} {
				for place := range dim {
					query, row := slices.Repeat([]float32{1}, dim), slices.Repeat([]float32{2}, dim)
					for _, odd := range []float32{nan, inf} {
						row[place] = odd
						data := make([]byte, sh.format.Bytes(dim))
						if sh.format == Float32 {
							PutFloat32(data, row)
						} else {
							PutFloat16(data, row)
						}
						var sc Scorer
						sc.SetFloats(sh.format, sh.metric, query)
						sc.SetRows(data, len(data), -1)
						var score [1]float32
						sc.ScanScores(score[:], 0)
						if got := float64(score[0]); !math.IsNaN(got) && !math.IsInf(got, 0) || odd != odd && got == got {
							t.Fatalf("%v of dim %d with %v at %d is %v", sh, dim, odd, place, got)
						}
						if odd != odd && sc.Scan(make([]uint32, 1), score[:], 0, 1, inf) != 0 {
							t.Fatalf("%v: NaN was chosen", sh)
						}
					}
				}
			}
		}
	})
}

func TestHalves(t *testing.T) {
	s := sample{shape: shape{format: Float16}}
	for h := range 1 << 16 {
		row := []byte{byte(h), byte(h >> 8)}
		want, got := s.element(row, 0), fromHalf(uint16(h))
		if float64(got) != want && (want == want || got == got) {
			t.Fatalf("%04x is %v, want %v", h, got, want)
		}
		if want == want && toHalf(got) != uint16(h) {
			t.Fatalf("%v goes to %04x, want %04x", got, toHalf(got), h)
		}
		next := fromHalf(uint16(h + 1))
		if want != want || math.IsInf(float64(next), 0) || next != next || h == 0x7fff || h == 0xffff {
			continue
		}
		middle, even := (got+next)/2, uint16(h+h&1)
		if toHalf(middle) != even {
			t.Fatalf("%v, between %04x and %04x, goes to %04x", middle, h, h+1, toHalf(middle))
		}
	}
	for x, want := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, -1e30: 0xfc00, 1e-9: 0, float32(math.Inf(1)): 0x7c00} {
		if got := toHalf(x); got != want {
			t.Errorf("%v goes to %04x, want %04x", x, got, want)
		}
	}
	if h := toHalf(float32(math.NaN())); fromHalf(h) == fromHalf(h) {
		t.Error("NaN is lost")
	}
}

func FuzzBatches(f *testing.F) {
	f.Add(uint64(1), uint16(100), uint8(0), uint8(3))
	f.Add(uint64(2), uint16(1), uint8(6), uint8(33))
	f.Add(uint64(3), uint16(2047), uint8(4), uint8(9))
	f.Fuzz(func(t *testing.T, seed uint64, dim uint16, kind, n uint8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := newSample(rng, shapes[int(kind)%len(shapes)], int(dim)%longest+1, int(n)%48+1)
		stride := s.format.Bytes(s.dim) + rng.IntN(100)
		data := s.region(rng.IntN(64), stride)
		for _, name := range Sets() {
			if err := Force(name); err != nil {
				t.Fatal(err)
			}
			var sc Scorer
			s.set(&sc)
			sc.SetRows(data, stride, -1)
			scores := make([]float32, len(s.rows))
			sc.ScanScores(scores, 0)
			for i, row := range s.rows {
				s.check(t, name, row, float64(scores[i]))
			}
			threshold := scores[rng.IntN(len(scores))]
			positions, chosen := make([]uint32, len(scores)), make([]float32, len(scores))
			got := sc.Scan(positions, chosen, 0, len(scores), threshold)
			checkChosen(t, scores, positions[:got], chosen[:got], threshold)
		}
		Force("")
	})
}
