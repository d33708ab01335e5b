package evaluation

import (
	"math/rand/v2"
	"slices"
)

// Resamples is how often a bootstrap draws, and Confidence the share of draws that its interval holds.
const (
	Resamples  = 10_000
	Confidence = 0.95
)

// Interval is where a mean lies with the confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// ExcludesZero reports whether the whole interval is on one side of 0.
func (i Interval) ExcludesZero() bool { return i.Low > 0 || i.High < 0 }

// Bootstrap returns where the mean of paired differences lies: percentiles of the means of resamples
// of the same size, drawn with replacement (Efron, Tibshirani 1993). The same differences and seed
// give the same interval. It is 0 to 0 of none.
func Bootstrap(differences []float64, seed uint64) Interval {
	n := len(differences)
	if n == 0 {
		return Interval{}
	}
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	means := make([]float64, Resamples)
	for i := range means {
		sum := 0.0
		for range n {
			sum += differences[random.IntN(n)]
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	tail := int((1 - Confidence) / 2 * Resamples)
	return Interval{Low: means[tail], High: means[Resamples-1-tail]}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}
