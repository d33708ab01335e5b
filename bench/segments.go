package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// VectorSet is a set of vectors with queries. Under cosine all are of unit length.
type VectorSet struct {
	Name    string
	Metric  lode.Metric
	Rows    []lode.Vector
	Queries []lode.Vector
	// Recall is the share of the k nearest rows that the answers hold: one answer for each
	// query, of numbers of rows. It is nil where the nearest rows are not known.
	Recall func(answers [][]uint32, k int) float64
}

// SegmentsOptions say what [Segments] measures. The zero value of a number is its default.
type SegmentsOptions struct {
	Only []string // parts of [SegmentsParts]; none: all
	Sets []string // data sets that are searched through a sealed segment
	// Load reads a data set by name; Draw makes vectors of [SegmentsDim] dimensions.
	Load func(ctx context.Context, name string) (*VectorSet, error)
	Draw func(rows, queries int) (*VectorSet, error)

	Rows       int // of the node that is started again
	Inserts    int // of single vectors
	InsertRows int // sealed before those
	SealRows   int // of a segment that is sealed beside searches, and whose readers are changed
	GraphRows  int // that a sealed segment must have to get a graph
	Rate       int // of searches a second beside the sealing
	Quiet      time.Duration
}

// Defaults of [SegmentsOptions].
const (
	DefaultSegmentsRows       = 1_000_000
	DefaultSegmentsInserts    = 5_000
	DefaultSegmentsInsertRows = 20_000
	DefaultSegmentsSealRows   = 100_000
	DefaultSegmentsRate       = 100
	DefaultSegmentsQuiet      = 20 * time.Second
)

// SegmentsDim is of the vectors that are drawn.
const SegmentsDim = 128

// EnsureDefaults fills what the caller left out.
func (o *SegmentsOptions) EnsureDefaults() {
	o.Rows = cmp.Or(o.Rows, DefaultSegmentsRows)
	o.Inserts = cmp.Or(o.Inserts, DefaultSegmentsInserts)
	o.InsertRows = cmp.Or(o.InsertRows, DefaultSegmentsInsertRows)
	o.SealRows = cmp.Or(o.SealRows, DefaultSegmentsSealRows)
	o.GraphRows = cmp.Or(o.GraphRows, defaultGraphRows)
	o.Rate = cmp.Or(o.Rate, DefaultSegmentsRate)
	o.Quiet = cmp.Or(o.Quiet, DefaultSegmentsQuiet)
	if len(o.Only) == 0 {
		o.Only = SegmentsParts()
	}
}

// Validate checks options after [SegmentsOptions.EnsureDefaults].
func (o *SegmentsOptions) Validate() error {
	for _, name := range o.Only {
		if !slices.Contains(SegmentsParts(), name) {
			return lode.Invalid("only", name, "the parts are %s", strings.Join(SegmentsParts(), ", "))
		}
	}
	for _, field := range []struct {
		name  string
		value int
	}{{"rows", o.Rows}, {"inserts", o.Inserts}, {"insert_rows", o.InsertRows}, {"seal_rows", o.SealRows}, {"graph_rows", o.GraphRows}, {"rate", o.Rate}} {
		if field.value < 1 {
			return lode.Invalid(field.name, field.value, "%s must be at least 1", field.name)
		}
	}
	if rows := min(o.Rows, o.InsertRows, o.SealRows); rows < o.GraphRows {
		return lode.Invalid("rows", rows, "a segment of less than %d rows gets no graph", o.GraphRows)
	}
	if o.Quiet <= 0 {
		return lode.Invalid("quiet", o.Quiet, "quiet must be above 0")
	}
	return nil
}

// segmentsParts are what can be measured alone, in the order of a whole run.
var segmentsParts = []struct {
	name    string
	measure func(*segmentsRun, context.Context) error
}{
	{"sealed", (*segmentsRun).sealed},
	{"open", (*segmentsRun).open},
	{"insert", (*segmentsRun).insert},
	{"sealing", (*segmentsRun).sealing},
	{"patch", (*segmentsRun).patch},
}

// SegmentsParts lists the parts of [Segments]:
//
//	sealed   searches through a sealed segment against the same graph in memory
//	open     a node with many vectors is started again: time until the first right answer
//	insert   single vectors from sending until a search shows them, beside a searcher
//	sealing  searches while a segment is sealed and its graph is built
//	patch    the readers of many rows are changed: time until that is shown
func SegmentsParts() []string {
	names := make([]string, len(segmentsParts))
	for i, part := range segmentsParts {
		names[i] = part.name
	}
	return names
}

// segmentsRun is one run of [Segments].
type segmentsRun struct {
	Options
	SegmentsOptions
	report *Report
}

// Segments measures what sealed segments and their graphs promise. Every part says in the
// report what it measured on, under its own name.
func Segments(ctx context.Context, o Options, s SegmentsOptions) (*Report, error) {
	s.EnsureDefaults()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	run := &segmentsRun{Options: o, SegmentsOptions: s, report: NewReport("segments", "Sealed segments: searches, starts, inserts and sealing", o)}
	var about []string
	for _, part := range segmentsParts {
		if !slices.Contains(s.Only, part.name) {
			continue
		}
		run.logf("part %s", part.name)
		run.report.Data = ""
		if err := part.measure(run, ctx); err != nil {
			return nil, fmt.Errorf("part %s: %w", part.name, err)
		}
		about = append(about, part.name+": "+run.report.Data)
	}
	run.report.Data = strings.Join(about, "; ")
	return run.report, nil
}

func (s *segmentsRun) logf(format string, args ...any) {
	fmt.Fprintf(s.Log, format+"\n", args...)
}

// about adds to what the report says that it was measured on.
func (s *segmentsRun) about(format string, args ...any) {
	if s.report.Data != "" {
		s.report.Data += ", "
	}
	s.report.Data += fmt.Sprintf(format, args...)
}
