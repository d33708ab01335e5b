package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Head is what every report begins with.
type Head struct {
	Name    string    `json:"name"`    // of the run, e.g. "ingest"
	Title   string    `json:"title"`   // a line for people
	Command string    `json:"command"` // repeats the run
	Commit  string    `json:"commit"`
	Date    time.Time `json:"date"`
	Seed    uint64    `json:"seed"`
	Machine Machine   `json:"machine"`
	Data    string    `json:"data,omitempty"` // which data, and how much of it
	Figures []Figure  `json:"figures"`
}

// Figure is one measured value.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Target string  `json:"target,omitempty"` // what was asked for, e.g. ">= 0.66"
	Met    *bool   `json:"met,omitempty"`    // nil where nothing was asked
}

// Asked is the target for a table: its number as a person would write it.
func (f Figure) Asked() string {
	words := strings.Fields(f.Target)
	for i, word := range words {
		if x, err := strconv.ParseFloat(word, 64); err == nil {
			words[i] = strconv.FormatFloat(x, 'g', 6, 64)
		}
	}
	return strings.Join(words, " ")
}

// Verdict says for a table whether the target was met; nothing where there is none.
func (f Figure) Verdict() string {
	switch {
	case f.Met == nil:
		return ""
	case *f.Met:
		return "yes"
	}
	return "**no**"
}

// Add records a value without a target.
func (h *Head) Add(name string, value float64, unit string) {
	h.Figures = append(h.Figures, Figure{Name: name, Value: value, Unit: unit})
}

// Demand records a value that should be at least or at most a target, by the relation ">="
// or "<=".
func (h *Head) Demand(name string, value float64, unit, relation string, target float64) {
	met := value >= target
	if relation == "<=" {
		met = value <= target
	}
	h.Figures = append(h.Figures, Figure{
		Name: name, Value: value, Unit: unit, Target: strings.TrimSpace(fmt.Sprintf("%s %g %s", relation, target, unit)), Met: &met,
	})
}

// Missed lists the figures that did not meet their target.
func (h *Head) Missed() []Figure {
	return slices.DeleteFunc(slices.Clone(h.Figures), func(f Figure) bool { return !f.IsMissed() })
}

// IsMissed says whether there was a target that was not met.
func (f Figure) IsMissed() bool { return f.Met != nil && !*f.Met }

// Median returns the middle value, the mean of the two middle ones for an even count, and 0
// for none.
func Median(values []float64) float64 {
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
