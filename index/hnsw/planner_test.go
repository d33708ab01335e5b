package hnsw_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

// sane says whether all numbers of a model are positive and finite.
func sane(m hnsw.CostModel) bool {
	ok := true
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Struct {
				look(f)
			} else {
				ok = ok && f.Float() > 0 && f.Float() < 1e9
			}
		}
	}
	look(reflect.ValueOf(m))
	return ok
}

// What is measured is finite and positive, of every kind of codes and in both forms; a small
// index has defaults.
func TestCalibrate(t *testing.T) {
	if sane(hnsw.CostModel{}) {
		t.Error("a model of nothing is sane")
	}
	d := clustered(t, 5000, 24, 12)
	for _, kind := range []quant.Kind{quant.None, quant.Int8, quant.Int4, quant.Bit1} {
		for form, x := range planned(t, d, hnsw.Options{Kind: kind, M: 8, EfConstruction: 20}) {
			m, err := x.Calibrate()
			if err != nil || !sane(m) || m == hnsw.DefaultCosts(64) {
				t.Errorf("%s, %s: %+v, error %v", kind, form, m, err)
			}
		}
	}
	small := build(t, clustered(t, 100, 8, 3), hnsw.Options{})
	if m, err := small.Calibrate(); err != nil || !sane(m) {
		t.Errorf("a small index: %+v, error %v", m, err)
	}
}

// Predictions grow with what is to be done.
func TestPredict(t *testing.T) {
	m := hnsw.DefaultCosts(64)
	few, many := m.Predict(10, 64, 100, 100_000), m.Predict(10, 64, 50_000, 100_000)
	switch {
	case few.Cheapest() != hnsw.PlanScan || many.Cheapest() != hnsw.PlanTraverse:
		t.Errorf("of 100 rows %q, of 50,000 %q", few.Cheapest(), many.Cheapest())
	case !math.IsInf(few.TwoHop, 1):
		t.Error("one row of a thousand hangs together within two hops")
	case few.Scan >= many.Scan || few.Traverse <= many.Traverse:
		t.Errorf("%+v and %+v", few, many)
	}
	if c := (hnsw.Costs{Scan: 3, Traverse: 2, TwoHop: 1}); c.Cheapest() != hnsw.PlanTwoHop || c.Of(hnsw.PlanTraverse) != 2 {
		t.Errorf("%+v: %q", c, c.Cheapest())
	}
}

// Corrections follow what searches take, within bounds, whatever the model says; switched
// off they stay at one, which is the control.
func TestLearning(t *testing.T) {
	d := clustered(t, 3000, 16, 12)
	x := build(t, d, hnsw.Options{M: 8, EfConstruction: 30})
	rng := rand.New(rand.NewPCG(3, 4))
	allow, n := index.NewBitset(len(d.rows)), 0
	for o := range uint32(len(d.rows)) {
		if rng.IntN(2) == 0 {
			allow.Set(o)
			n++
		}
	}
	search := func(times int, plan hnsw.Plan) {
		for i := range times {
			if _, err := x.SearchWith(t.Context(), d.queries[i%100], hnsw.SearchOptions{K: 5, Allow: allow, Plan: plan}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := x.Planner()
	for _, c := range []struct {
		factor float64 // of all costs
		want   float64 // the bound that is reached
	}{{1e-6, 4}, {1e6, 0.25}} {
		m := hnsw.DefaultCosts(64)
		m.Word, m.Descend, m.Hop, m.Test, m.Rerank, m.List = m.Word*c.factor, m.Descend*c.factor, m.Hop*c.factor, m.Test*c.factor, m.Rerank*c.factor, m.List*c.factor
		m.Row = hnsw.Density{All: m.Row.All * c.factor, Eighth: m.Row.Eighth * c.factor, Few: m.Row.Few * c.factor}
		p.SetModel(&m)
		p.SetLearning(false)
		search(200, hnsw.PlanScan)
		if got := p.Corrections(n, len(d.rows)); got != (hnsw.Costs{Scan: 1, Traverse: 1, TwoHop: 1}) {
			t.Errorf("factor %g: switched off, it learns %+v", c.factor, got)
		}
		p.SetLearning(true)
		search(200, hnsw.PlanScan)
		got := p.Corrections(n, len(d.rows))
		if math.Abs(got.Scan/c.want-1) > 1e-9 || got.Traverse != 1 {
			t.Errorf("factor %g: corrections %+v, want %g for scans alone", c.factor, got, c.want)
		}
		if other := p.Corrections(n/100, len(d.rows)); other.Scan != 1 {
			t.Errorf("factor %g: what half of the rows teach is believed of few: %+v", c.factor, other)
		}
		search(2000, hnsw.PlanTraverse)
		if faded := p.Corrections(n, len(d.rows)); math.Abs(math.Log(faded.Scan)) > math.Abs(math.Log(got.Scan))/10 {
			t.Errorf("factor %g: the correction of a plan that is not taken stays at %g", c.factor, faded.Scan)
		}
	}
}
