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
	Format int       `json:"format"`
	At     time.Time `json:"at"`
	Set    SetInfo   `json:"set"`
	Corpus Corpus    `json:"corpus"`
	About
	Mean    Scores  `json:"mean"`
	Latency Latency `json:"latency"`
	Partial int     `json:"partial,omitempty"`
	Rows    []Row   `json:"rows"`
}

// SetInfo identifies a set.
type SetInfo struct {
	Name      string    `json:"name"`
	Hash      lode.Hash `json:"hash"`
	Questions int       `json:"questions"`
	Spans     int       `json:"spans"`
	Missing   int       `json:"missing,omitempty"`
}

// About is what else a score depends on.
type About struct {
	Collection  string            `json:"collection"`
	Fingerprint string            `json:"fingerprint"`
	Index       map[string]string `json:"index,omitempty"`
	Ranking     *lode.Ranking     `json:"ranking,omitempty"`
	Query       json.RawMessage   `json:"query,omitempty"`
	Code        string            `json:"code"`
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
