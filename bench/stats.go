package bench

import "slices"

// median returns the middle value, the mean of the two middle ones for an even count, and 0
// for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func orDefault(value, missing int) int {
	if value == 0 {
		return missing
	}
	return value
}
