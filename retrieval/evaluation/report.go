package evaluation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lodedb/lode"
)

// ReportFormat is the version of the JSON form of reports that is written. Its history: 1 is the first.
const ReportFormat = 1

// maxReportBytes bounds a report that is read.
const maxReportBytes = 256 << 20

// Report is what a run found out, and about what. It holds no text of questions or documents.
type Report struct {
	Format int       `json:"format" doc:"Version of this form." example:"1"`
	At     time.Time `json:"at" doc:"When the run began."`
	Set    SetInfo   `json:"set" doc:"The evaluation set."`
	Corpus Corpus    `json:"corpus" doc:"What was searched."`
	About
	Mean    Scores  `json:"mean" doc:"Means over the questions."`
	Latency Latency `json:"latency" doc:"How long questions took, by nearest rank."`
	Partial int     `json:"partial,omitempty" doc:"Questions whose answer was not complete."`
	Rows    []Row   `json:"rows" doc:"Every question, in the order of the set."`
}

// SetInfo identifies a set.
type SetInfo struct {
	Name      string    `json:"name" doc:"As it was called." example:"support"`
	Hash      lode.Hash `json:"hash" doc:"SHA-256 of the set in order of id."`
	Questions int       `json:"questions" doc:"Number of questions." example:"120"`
	Spans     int       `json:"spans" doc:"Relevant spans." example:"180"`
	Missing   int       `json:"missing,omitempty" doc:"Relevant spans whose document is not shown, or has another text by now. They count as not found."`
}

// About is what else a score depends on.
type About struct {
	Collection  string            `json:"collection" doc:"Name of the collection."`
	Fingerprint string            `json:"fingerprint" doc:"Of its model, tokenizer and chunker."`
	Index       map[string]string `json:"index,omitempty" doc:"Parameters of its indexes."`
	Ranking     *lode.Ranking     `json:"ranking,omitempty" doc:"What its queries take where they say nothing."`
	Query       json.RawMessage   `json:"query,omitempty" doc:"What the queries said beside their text."`
	Code        string            `json:"code" doc:"Version of the program." example:"v0.1.0"`
}

// Row is one question of a run.
type Row struct {
	ID string `json:"id"`
	Scores
	Found         []Found       `json:"found,omitempty"` // spans in order of rank
	Hits          int           `json:"hits"`
	ContextTokens int           `json:"context_tokens,omitempty"`
	Partial       bool          `json:"partial,omitempty"`
	Took          time.Duration `json:"took_ns"`
}

// ReadReport reads what a run wrote as JSON.
func ReadReport(r io.Reader) (*Report, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxReportBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxReportBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "report", maxReportBytes, "a report has at most %d bytes", maxReportBytes)
	}
	report := &Report{}
	if err := json.Unmarshal(raw, report); err != nil {
		return nil, lode.FieldError(lode.CodeMalformed, "report", "", "the file is no report of an evaluation: %s", err)
	}
	if report.Format != ReportFormat {
		return nil, lode.Invalid("format", report.Format, "the report has format %d, this program knows %d", report.Format, ReportFormat)
	}
	return report, report.validate()
}

// validate checks what comparisons rely on.
func (r *Report) validate() error {
	if len(r.Rows) == 0 || len(r.Rows) != r.Set.Questions {
		return lode.Invalid("rows", len(r.Rows), "the report has %d rows of %d questions", len(r.Rows), r.Set.Questions)
	}
	seen := make(map[string]bool, len(r.Rows))
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.ID == "" || seen[row.ID] {
			return lode.Invalid(fmt.Sprintf("rows[%d].id", i), row.ID, "a question stands in the report once, with its id")
		}
		seen[row.ID] = true
		for _, m := range Metrics() {
			if v, measured := row.Of(m); measured && !(v >= 0 && v <= 1) {
				return lode.Invalid(fmt.Sprintf("rows[%d].%s", i, m), v, "%s must be 0 to 1", m)
			}
		}
	}
	return nil
}

// errNoRunner is returned by a runner without an asker.
var errNoRunner = errors.New("evaluation: Runner.Ask must be set")
