package ann

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
)

// Mixture describes vectors drawn from Gaussians around random centers, as embeddings of
// texts about some hundred subjects lie. The variance of direction j, of centers and of what
// is around them, falls as (j+1)^-Decay; then everything is rotated at random, so that no
// single coordinate carries more than another. The same description gives the same bits on
// every machine.
type Mixture struct {
	N        int     // rows; the default is 100000
	Dim      int     // the default is 768
	Clusters int     // the default is 400
	Queries  int     // drawn like the rows, but none of them; the default is 1000
	Seed     uint64  // the default is 42
	Decay    float64 // of the spectrum; the default is 1
	Spread   float64 // deviation around a center over that of the centers; the default is 0.5
}

// ParseMixture reads "mixture:n=1000,dim=64,clusters=10,queries=100,seed=1,decay=1,spread=0.5";
// what is left out has its default.
func ParseMixture(spec string) (Mixture, error) {
	m := Mixture{N: 100_000, Dim: 768, Clusters: 400, Queries: 1000, Seed: 42, Decay: 0.7, Spread: 0.7}
	_, settings, _ := strings.Cut(spec, ":")
	for _, setting := range strings.FieldsFunc(settings, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(setting, "=")
		if err := m.set(name, value); err != nil {
			return Mixture{}, err
		}
	}
	return m, m.validate()
}

func (m *Mixture) set(name, value string) error {
	var err error
	switch name {
	case "n":
		m.N, err = strconv.Atoi(value)
	case "dim":
		m.Dim, err = strconv.Atoi(value)
	case "clusters":
		m.Clusters, err = strconv.Atoi(value)
	case "queries":
		m.Queries, err = strconv.Atoi(value)
	case "seed":
		m.Seed, err = strconv.ParseUint(value, 10, 64)
	case "decay":
		m.Decay, err = strconv.ParseFloat(value, 64)
	case "spread":
		m.Spread, err = strconv.ParseFloat(value, 64)
	default:
		return lode.Invalid("mixture."+name, value, "a mixture has n, dim, clusters, queries, seed, decay and spread")
	}
	if err != nil {
		return lode.Invalid("mixture."+name, value, "%s is not a number", name)
	}
	return nil
}

func (m *Mixture) validate() error {
	switch {
	case m.Dim < 2 || m.Dim > lode.MaxDim:
		return lode.Invalid("mixture.dim", m.Dim, "dim must be 2 to %d", lode.MaxDim)
	case m.N < 1 || int64(m.N)*int64(m.Dim)*4 > maxVectorBytes:
		return lode.Invalid("mixture.n", m.N, "n must be at least 1 and fit %d GiB", maxVectorBytes>>30)
	case m.Queries < 1 || m.Queries > 1_000_000:
		return lode.Invalid("mixture.queries", m.Queries, "queries must be 1 to 1000000")
	case m.Clusters < 1 || m.Clusters > m.N:
		return lode.Invalid("mixture.clusters", m.Clusters, "clusters must be 1 to n")
	case !(m.Decay >= 0 && m.Decay <= 10):
		return lode.Invalid("mixture.decay", m.Decay, "decay must be 0 to 10")
	case !(m.Spread > 0 && m.Spread <= 100):
		return lode.Invalid("mixture.spread", m.Spread, "spread must be above 0, at most 100")
	}
	return nil
}

// Generate draws rows and queries.
func (m Mixture) Generate() (base, queries *Vectors) {
	s := newSource(m)
	return s.draw(m.N, 1), s.draw(m.Queries, 2)
}

// source draws vectors of a mixture.
type source struct {
	Mixture
	scale   []float32 // deviation of each direction, before the rotation
	centers []float32
	signs   [2][]float32 // of the two steps of the rotation
}

func newSource(m Mixture) *source {
	s := &source{Mixture: m, scale: make([]float32, m.Dim), centers: make([]float32, m.Clusters*m.Dim)}
	for j := range s.scale {
		s.scale[j] = float32(math.Pow(float64(j+1), -m.Decay/2))
	}
	random := rand.New(rand.NewPCG(m.Seed, 0))
	for i := range s.centers {
		s.centers[i] = float32(random.NormFloat64()) * s.scale[i%m.Dim]
	}
	for i := range s.signs {
		s.signs[i] = make([]float32, m.Dim)
		for j := range s.signs[i] {
			s.signs[i][j] = float32(1 - 2*int(random.Uint64()&1))
		}
	}
	return s
}

// draw makes n rows from a stream of random numbers of their own.
func (s *source) draw(n int, stream uint64) *Vectors {
	random := rand.New(rand.NewPCG(s.Seed, stream))
	v := &Vectors{Rows: n, Dim: s.Dim, Data: make([]float32, n*s.Dim)}
	spread := float32(s.Spread)
	for i := range n {
		at := random.IntN(s.Clusters) * s.Dim
		row := v.Row(i)
		for j, scale := range s.scale {
			around := float32(float32(random.NormFloat64())*scale) * spread
			row[j] = s.centers[at+j] + float32(around) // the conversion forbids a fused multiply-add
		}
		s.rotate(row)
	}
	return v
}

// rotate changes signs and applies the Hadamard transform to the first and to the last
// dimensions, as many as the largest power of two that fits: twice, so that every coordinate
// depends on every direction.
func (s *source) rotate(row []float32) {
	width := 1
	for 2*width <= len(row) {
		width *= 2
	}
	for _, signs := range s.signs {
		for j, sign := range signs {
			row[j] *= sign
		}
		hadamard(row[:width])
		hadamard(row[len(row)-width:])
	}
}

// hadamard is the orthonormal transform, in an order of additions that no CPU changes.
func hadamard(v []float32) {
	for h := 1; h < len(v); h *= 2 {
		for start := 0; start < len(v); start += 2 * h {
			low, high := v[start:start+h], v[start+h:start+2*h]
			for i, x := range low {
				y := high[i]
				low[i], high[i] = x+y, x-y
			}
		}
	}
	scale := float32(1 / math.Sqrt(float64(len(v))))
	for i := range v {
		v[i] *= scale
	}
}
