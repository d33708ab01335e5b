package distance

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/lodedb/lode"
)

func TestForce(t *testing.T) {
	defer Force("")
	if Sets()[0] != "go" {
		t.Errorf("the first of %v is not go", Sets())
	}
	for _, name := range Sets() {
		if err := Force(name); err != nil {
			t.Fatal(err)
		}
		if shown := Kernel(); len(shown) < len(name) || shown[:len(name)] != name {
			t.Errorf("forced to %s, it is %s", name, shown)
		}
	}
	before := Kernel()
	var coded *lode.Error
	if err := Force("mmx"); !errors.As(err, &coded) || coded.Code != lode.CodeInvalid || coded.Value != "mmx" {
		t.Errorf("an unknown set: %v", err)
	}
	if Kernel() != before {
		t.Error("an unknown set was chosen")
	}
	Force("")
	if last := Sets()[len(Sets())-1]; Kernel()[:len(last)] != last {
		t.Errorf("by itself it is %s, not %s", Kernel(), last)
	}
	t.Log("kernel:", Kernel(), "of", Sets())
}

func TestScorerRefusesMisuse(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		var sc Scorer
		fresh := func() {
			sc.SetInt8(make([]int8, 20))
			sc.SetRows(make([]byte, 20*4), 20, -1)
		}
		three, ids := make([]float32, 3), []uint32{0, 1, 2}
		for name, misuse := range map[string]func(){
			"id beyond":       func() { sc.Scores(three, []uint32{0, 4, 0}) },
			"id beyond batch": func() { sc.Batch(make([]uint32, 3), three, []uint32{0, 0, math.MaxUint32}, 1) },
			"rows beyond":     func() { sc.ScanScores(three, 2) },
			"negative row":    func() { sc.ScanScores(three, -1) },
			"negative count":  func() { sc.Scan(nil, nil, 0, -1, 1) },
			"huge count":      func() { sc.Sums(make([]int32, 5), math.MaxInt-2) },
			"no room":         func() { sc.Batch(make([]uint32, 3), make([]float32, 2), ids, 1) },
			"no positions":    func() { sc.Batch(nil, three, ids, 1) },
			"lengths":         func() { sc.Scores(three, ids[:2]) },
			"overlap":         func() { sc.SetRows(make([]byte, 100), 19, -1) },
			"corrections":     func() { sc.SetRows(make([]byte, 100), 27, 20) },
			"format":          func() { sc.SetFloats(Int8, lode.Dot, three) },
			"bits":            func() { sc.SetBit1([]int8{8}) },
			"no rows": func() {
				sc.SetRows(nil, 20, -1)
				sc.Scores(three, ids)
			},
			"forgotten rows": func() {
				sc.SetInt8(make([]int8, 20))
				sc.ScanScores(three, 0)
			},
			"too many dimensions": func() { sc.SetInt8(make([]int8, MaxDim+1)) },
			"pair":                func() { DotInt8(make([]int8, 2), make([]int8, 3)) },
		} {
			fresh()
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: accepted", name)
					}
				}()
				misuse()
			}()
		}
		fresh()
		if sc.Len() != 4 || sc.Batch(nil, nil, nil, 1) != 0 || sc.Scan(nil, nil, 4, 0, 1) != 0 {
			t.Error("nothing to score must be no error")
		}
		sc.ScanScores(nil, 0)
		sc.Scores(nil, nil)
	})
}

// A batch allocates nothing.
func TestScorerAllocatesNothing(t *testing.T) {
	query := make([]float32, 100)
	data := make([]byte, 400*32)
	ids, positions, scores := make([]uint32, 32), make([]uint32, 32), make([]float32, 32)
	x := make([]int8, 8)
	var sc Scorer
	if n := testing.AllocsPerRun(100, func() {
		sc.SetFloats(Float32, lode.L2, query)
		sc.SetRows(data, 400, -1)
		sc.Batch(positions, scores, ids, 1)
		DotInt8(x, x)
	}); n > 0.5 {
		t.Errorf("%v allocations", n)
	}
}

func TestHamming(t *testing.T) {
	for n := range 40 {
		x, y := slices.Repeat([]byte{0xf0}, n), slices.Repeat([]byte{0xff}, n)
		if got := Hamming(x, y); got != 4*n {
			t.Errorf("%d bytes differ in %d bits", n, got)
		}
	}
}
