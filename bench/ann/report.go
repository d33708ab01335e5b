package ann

import (
	"fmt"
	"slices"

	"github.com/lodedb/lode/internal/report"
)

// Report is the outcome of a run. Its head is that of every report of package bench, so that
// the tables of figures and targets hold it too.
type Report struct {
	report.Head

	Dataset DataInfo  `json:"dataset"`
	Params  Params    `json:"params"`
	Engines []*Result `json:"engines"`
	Skipped []Skip    `json:"skipped,omitempty"`
}

// Params are the settings that all engines were given.
type Params struct {
	K              int       `json:"k"`
	M              int       `json:"m"`
	EFConstruction int       `json:"ef_construction"`
	Rounds         int       `json:"rounds"`
	Recalls        []float64 `json:"recalls"`
	Threads        []int     `json:"threads"`
	CPU            int       `json:"cpu"` // that engines were pinned to
	Quick          bool      `json:"quick,omitempty"`
}

// Skip is an engine that was not measured, and why.
type Skip struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Result is what was measured of one configuration of an engine.
type Result struct {
	Engine  string `json:"engine"`
	Config  string `json:"config"`
	Version string `json:"version"`
	About   string `json:"about,omitempty"`
	Default bool   `json:"default,omitempty"`
	Exact   bool   `json:"exact,omitempty"`

	Builds     []Build      `json:"builds"`
	Points     []Point      `json:"points"`
	Concurrent []Concurrent `json:"concurrent,omitempty"`
	Batches    []Concurrent `json:"batches,omitempty"` // all queries in one call
	// At holds the QPS at each recall of Params, null where it is not reached.
	At []*float64 `json:"at"`
}

// Name is how tables and command lines call the result.
func (r *Result) Name() string { return r.Engine + "/" + r.Config }

// Build is one build of an index.
type Build struct {
	Threads        int     `json:"threads"`
	WallSeconds    float64 `json:"wall_seconds"`
	CPUSeconds     float64 `json:"cpu_seconds"`
	ResidentMB     float64 `json:"resident_mb"` // of the process afterwards, queries included
	PeakMB         float64 `json:"peak_mb"`
	IndexMB        float64 `json:"index_mb,omitempty"` // as the engine says
	TraversalBytes int64   `json:"traversal_bytes,omitempty"`
	BindingMicros  float64 `json:"binding_us,omitempty"` // of a search, as the engine says
	About          string  `json:"about,omitempty"`
}

// Point is one ef of a sweep.
type Point struct {
	EF     int       `json:"ef"`
	Recall float64   `json:"recall"`
	QPS    float64   `json:"qps"`    // of CPU time, median of the rounds
	Rounds []float64 `json:"rounds"` // QPS of each round
	Wall   float64   `json:"wall"`   // queries per second of the clock on the wall, median
	// Latencies in microseconds over all rounds.
	P50  float64 `json:"p50_us"`
	P90  float64 `json:"p90_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
}

// Concurrent is the throughput of all queries with several threads. Latencies of a batch are
// shares of it.
type Concurrent struct {
	Threads int       `json:"threads"`
	EF      int       `json:"ef"`
	Recall  float64   `json:"recall"`
	QPS     float64   `json:"qps"`    // of the clock on the wall, median of the rounds
	Rounds  []float64 `json:"rounds"` // QPS of each round
	P50     float64   `json:"p50_us"`
	P99     float64   `json:"p99_us"`
}

// WriteFile writes the report as indented JSON; never half of it.
func (r *Report) WriteFile(path string) error { return report.Write(path, r) }

// ReadReports reads the reports named ann-*.json of a folder, by name.
func ReadReports(dir string) ([]*Report, error) { return report.ReadAll[Report](dir, "ann-*.json") }

// without returns a QPS less what the binding of the engine costs each search. That is an
// estimate: at most four fifths of a search are taken to be the binding's.
func (r *Result) without(qps float64) float64 {
	if len(r.Builds) == 0 || r.Builds[0].BindingMicros == 0 || qps == 0 {
		return qps
	}
	seconds := 1 / qps
	return 1 / max(seconds-r.Builds[0].BindingMicros/1e6, seconds/5)
}

// find returns a result by its name, or nil.
func (r *Report) find(name string) *Result {
	i := slices.IndexFunc(r.Engines, func(e *Result) bool { return e.Name() == name })
	if i < 0 {
		return nil
	}
	return r.Engines[i]
}

// describe fills the line about the data.
func (i DataInfo) String() string {
	return fmt.Sprintf("%s: %d vectors of %d dimensions, %d queries, %s, exact neighbours %s", i.Name, i.Rows, i.Dim, i.Queries, i.Metric, i.Truth)
}
