package bench

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// TestHTTP runs a small form; how long things take is not looked at.
func TestHTTP(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	rows := make([]lode.Vector, 4200) // enough for a graph
	for i := range rows {
		rows[i] = lode.Vector{rnd.Float32(), rnd.Float32(), rnd.Float32()}
	}
	asked := 0
	d := &VectorSet{Name: "random", Metric: lode.L2, Rows: rows, Queries: rows[:20], Recall: func(answers [][]uint32, k int) float64 {
		asked++
		right := 0
		for i, ids := range answers { // a row is its own nearest
			if len(ids) == k && int(ids[0]) == i {
				right++
			}
		}
		return float64(right) / float64(len(answers))
	}}
	o := options(t, "")
	o.Limit = 1
	r, err := HTTP(t.Context(), o, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"JSON with texts", "binary"} {
		if got := figure(t, r, form+": recall@10").Value; got < 0.9 {
			t.Errorf("%s: recall %v", form, got)
		}
	}
	demands := 0
	for _, f := range r.Figures {
		if f.Met != nil {
			demands++
		}
		if f.Value <= 0 && !strings.Contains(f.Name, "recall") {
			t.Errorf("%s is %v", f.Name, f.Value)
		}
	}
	if asked != 2 || demands != 12 { // two forms: four ratios and two rates each
		t.Errorf("recall was taken %d times, %d figures have targets", asked, demands)
	}
	if _, err := HTTP(t.Context(), o, &VectorSet{Name: "nothing"}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("no data: %v", err)
	}
}
