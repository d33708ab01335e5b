package ann

import (
	"math/rand/v2"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// clustering divides rows by k-means: an attribute that goes with the place of a row.
type clustering struct {
	of      []int         // cluster of each row
	centers []lode.Vector // of each cluster
	rows    [][]int       // of each cluster
}

// cluster splits all rows into n clusters, and each of those again where more than a few are
// asked for: to 100 by way of 10. Clusters that nothing is near to are left out.
func cluster(v *Vectors, n int, rng *rand.Rand) *clustering {
	all := make([]int, v.Rows)
	for i := range all {
		all[i] = i
	}
	c := &clustering{of: make([]int, v.Rows)}
	var divide func(rows []int, n int)
	divide = func(rows []int, n int) {
		if n <= 1 || len(rows) <= 1 {
			if len(rows) > 0 {
				c.add(v, rows)
			}
			return
		}
		at := min(n, branches)
		for _, part := range kmeans(v, rows, at, rng) {
			divide(part, n/at)
		}
	}
	divide(all, n)
	return c
}

const (
	branches   = 10
	iterations = 8
)

func (c *clustering) add(v *Vectors, rows []int) {
	for _, r := range rows {
		c.of[r] = len(c.rows)
	}
	c.rows, c.centers = append(c.rows, rows), append(c.centers, center(v, rows))
}

func center(v *Vectors, rows []int) lode.Vector {
	sum := make(lode.Vector, v.Dim)
	for _, r := range rows {
		for i, x := range v.Row(r) {
			sum[i] += x / float32(len(rows))
		}
	}
	return sum
}

// kmeans divides some rows into at most n parts.
func kmeans(v *Vectors, rows []int, n int, rng *rand.Rand) [][]int {
	centers := make([]lode.Vector, 0, n)
	for _, i := range rng.Perm(len(rows))[:min(n, len(rows))] {
		centers = append(centers, slices.Clone(v.Row(rows[i])))
	}
	var parts [][]int
	for range iterations {
		parts = make([][]int, len(centers))
		for _, r := range rows {
			near := nearest(centers, v.Row(r))
			parts[near] = append(parts[near], r)
		}
		for i, part := range parts {
			if len(part) > 0 {
				centers[i] = center(v, part)
			}
		}
	}
	return parts
}

func nearest(centers []lode.Vector, v lode.Vector) int {
	best, least := 0, distance.L2Squared(centers[0], v)
	for i, c := range centers[1:] {
		if d := distance.L2Squared(c, v); d < least {
			best, least = i+1, d
		}
	}
	return best
}

// farthest is the cluster whose center is farthest from a vector.
func (c *clustering) farthest(v lode.Vector) int {
	best, most := 0, float32(-1)
	for i, at := range c.centers {
		if d := distance.L2Squared(at, v); d > most {
			best, most = i, d
		}
	}
	return best
}
