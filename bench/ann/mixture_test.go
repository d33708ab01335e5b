package ann

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// TestMixtureBits holds the bits of a small mixture: a report's data can be drawn again.
func TestMixtureBits(t *testing.T) {
	m, err := ParseMixture("mixture:n=50,dim=24,clusters=5,queries=7,seed=42")
	if err != nil {
		t.Fatal(err)
	}
	base, queries := m.Generate()
	hash := sha256.New()
	if base.encode(hash) != nil || queries.encode(hash) != nil {
		t.Fatal("encode")
	}
	const want = "e6019f21fbca5261222aed3f1963518c9c8103750490dde1ed9b72533a33c00c"
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		t.Errorf("the mixture changed: %s", got)
	}
	fewer := m
	fewer.N = 20
	if part, _ := fewer.Generate(); part.Row(19)[23] != base.Row(19)[23] {
		t.Error("fewer rows are other rows")
	}
	m.Seed++
	if other, _ := m.Generate(); other.Row(0)[0] == base.Row(0)[0] {
		t.Error("another seed gives the same rows")
	}
}

// TestMixtureShape checks what is promised: clusters, a spectrum, no favoured coordinate.
func TestMixtureShape(t *testing.T) {
	m := Mixture{N: 4000, Dim: 96, Clusters: 2000, Queries: 1, Seed: 1, Decay: 1, Spread: 0.5}
	s := newSource(m)
	var length float64
	for j := range m.Dim {
		length += float64(s.scale[j]) * float64(s.scale[j])
	}
	base := s.draw(m.N, 1)
	var mean, most, least float64
	least = math.Inf(1)
	for j := range m.Dim {
		var variance float64
		for i := range m.N {
			variance += float64(base.Row(i)[j]) * float64(base.Row(i)[j]) / float64(m.N)
		}
		mean += variance
		most, least = max(most, variance), min(least, variance)
	}
	if want := length * (1 + m.Spread*m.Spread); mean < 0.9*want || mean > 1.1*want {
		t.Errorf("mean square of the length is %v, want about %v", mean, want)
	}
	if most > 8*least {
		t.Errorf("a coordinate has %v times the variance of another", most/least)
	}
	row := append([]float32(nil), base.Row(0)...)
	before := distance.Norm(row)
	if s.rotate(row); math.Abs(distance.Norm(row)/before-1) > 1e-5 {
		t.Error("the rotation changes lengths")
	}
}

func TestMixtureRefuses(t *testing.T) {
	for _, spec := range []string{
		"mixture:n=0", "mixture:dim=1", "mixture:dim=9000", "mixture:clusters=0", "mixture:n=10,clusters=11", "mixture:queries=0",
		"mixture:decay=-1", "mixture:decay=NaN", "mixture:spread=0", "mixture:seed=-1", "mixture:colour=red", "mixture:n", "mixture:n=99999999999999999999",
		"mixture:n=1000000000,dim=8192",
	} {
		if _, err := ParseMixture(spec); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}
