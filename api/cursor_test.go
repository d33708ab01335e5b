package api

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/lodedb/lode"
)

// TestScrollCursorsKeepPlaces takes places of every kind of value through a cursor, unchanged.
func TestScrollCursorsKeepPlaces(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	values := []lode.Value{
		{}, lode.StringValue(""), lode.StringValue("a\"<ä\u2028"), lode.IntegerValue(math.MinInt64), lode.IntegerValue(math.MaxInt64), lode.IntegerValue(0),
		lode.FloatValue(1), lode.FloatValue(math.Copysign(0, -1)), lode.FloatValue(1e300), lode.FloatValue(5e-324), lode.BoolValue(true), lode.BoolValue(false),
	}
	for range 200 {
		values = append(values, lode.FloatValue(random.NormFloat64()*math.Pow(10, float64(random.IntN(40)-20))), lode.IntegerValue(random.Int64()))
	}
	q := &ScrollQuery{Collection: "docs", Field: "x"}
	for _, v := range values {
		at := ScrollPlace{Value: v, Row: lode.RowID(random.Uint64())}
		s, err := scrollCursor(q, at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseScrollCursor(q, s)
		if err != nil || !reflect.DeepEqual(*got, at) || math.Signbit(got.Value.Num) != math.Signbit(v.Num) {
			t.Errorf("%+v comes back as %+v, %v", at, got, err)
		}
		if _, err := parseScrollCursor(&ScrollQuery{Collection: "other", Field: "x"}, s); err == nil {
			t.Error("a cursor of another collection is taken")
		}
	}
	// What holds no value for an order is the same as nothing there.
	s, err := scrollCursor(q, ScrollPlace{Value: lode.NullValue(), Row: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseScrollCursor(q, s); err != nil || got.Value.Kind != lode.KindNone {
		t.Errorf("null comes back as %+v, %v", got, err)
	}
}

// FuzzScrollCursor demands that a cursor that is taken is the one that would be given.
func FuzzScrollCursor(f *testing.F) {
	q := &ScrollQuery{Collection: "docs", Field: "x"}
	for _, v := range []lode.Value{{}, lode.StringValue("a"), lode.FloatValue(1.5)} {
		if s, err := scrollCursor(q, ScrollPlace{Value: v, Row: 7}); err == nil {
			f.Add(s)
		}
	}
	f.Add("")
	f.Add("ZAE")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseScrollCursor(q, s)
		if err != nil || at == nil {
			return
		}
		if again, err := scrollCursor(q, *at); err != nil || again != s {
			t.Fatalf("%q is taken, %q would be given: %v", s, again, err)
		}
	})
}
