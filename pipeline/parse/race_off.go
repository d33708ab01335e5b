//go:build !race

package parse

// raceDetector says that the race detector's shadow memory is mapped into the process.
const raceDetector = false
