package evaluation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
	"github.com/lodedb/lode/retrieval/evaluation"
)

const shore = "The harbour opens at six. The last boat leaves at midnight. Dogs travel free."

// shoreRun answers with the last two sentences of the document.
func shoreRun(t *testing.T, questions ...evaluation.Question) *evaluation.Report {
	t.Helper()
	r := evaluation.Runner{
		Ask: func(_ context.Context, query string) (evaluation.Answer, error) {
			if query == "fail" {
				return evaluation.Answer{}, errors.New("no")
			}
			found := evaluation.Passage{Document: "shore", Span: lode.Span{Start: 26, End: len(shore)}}
			return evaluation.Answer{Hits: []evaluation.Passage{found}, Context: []evaluation.Passage{found}, ContextTokens: tokens.Count(shore[26:]) + 4}, nil
		},
		Texts: func(context.Context, lode.DocID) (string, error) { return shore, nil },
		Clock: func() time.Time { return time.Unix(0, 0) },
	}
	set := &evaluation.Set{Questions: questions}
	if err := set.Validate(); err != nil {
		t.Fatal(err)
	}
	report, err := r.Run(t.Context(), "shore", set, []evaluation.Document{{ID: "shore", Chunks: 1}}, evaluation.About{Code: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func question(id, text string) evaluation.Question {
	start := strings.Index(shore, text)
	return evaluation.Question{ID: id, Query: id, Spans: []evaluation.Span{{Document: "shore", Start: start, End: start + len(text), Grade: 1}}}
}

func TestRunCountsTokens(t *testing.T) {
	report := shoreRun(t, question("boat", "The last boat leaves at midnight."), question("harbour", "The harbour opens at six."))
	want := func(row int, m evaluation.Metric, value float64) {
		t.Helper()
		if got, measured := report.Rows[row].Of(m); !measured || math.Abs(got-value) > 1e-12 {
			t.Errorf("row %d: %s is %v, want %v", row, m, got, value)
		}
	}
	all, boat := tokens.Count(shore[26:]), tokens.Count("The last boat leaves at midnight.")
	want(0, evaluation.NDCG10, 1)
	want(0, evaluation.TokenRecall, 1)
	want(0, evaluation.TokenPrecision, float64(boat)/float64(all))
	want(0, evaluation.TokenIoU, float64(boat)/float64(all))
	want(0, evaluation.ContextWaste, 1-float64(boat)/float64(all+4))
	want(1, evaluation.MRR, 0)
	want(1, evaluation.TokenRecall, 0)
	want(1, evaluation.ContextWaste, 1)
	if got := report.Mean.MRR; got != 0.5 {
		t.Errorf("mean MRR %v", got)
	}
	if report.Set.Missing != 0 || report.Corpus.Documents != 1 {
		t.Errorf("%+v, %+v", report.Set, report.Corpus)
	}
	raw, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	again, err := evaluation.ReadReport(bytes.NewReader(raw))
	if err != nil || again.Mean.MRR != 0.5 || *again.Rows[1].ContextWaste != 1 {
		t.Errorf("read %+v, %v", again, err)
	}
	if strings.Contains(string(raw), "midnight") {
		t.Error("the report holds text")
	}
	if _, err := evaluation.ReadReport(strings.NewReader(strings.Replace(string(raw), `"questions":2`, `"questions":3`, 1))); err == nil {
		t.Error("a report that lacks a row is read")
	}
}

func TestRunNamesWhatIsMissing(t *testing.T) {
	gone := question("gone", "Dogs")
	gone.Spans[0].Document = "deleted"
	old := question("old", "Dogs")
	old.Spans[0].Bronze = lode.HashOf([]byte("an earlier version"))
	report := shoreRun(t, question("boat", "The last boat leaves at midnight."), gone, old)
	if report.Set.Missing != 2 || report.Mean.Recall5 != 1./3 {
		t.Errorf("%d are missing, recall %v", report.Set.Missing, report.Mean.Recall5)
	}
}

func TestRunEndsAtFailure(t *testing.T) {
	r := evaluation.Runner{Ask: func(context.Context, string) (evaluation.Answer, error) {
		return evaluation.Answer{}, lode.NotFound("collection", "x")
	}}
	set := &evaluation.Set{Questions: []evaluation.Question{question("boat", "boat"), question("dogs", "Dogs")}}
	if _, err := r.Run(t.Context(), "", set, nil, evaluation.About{}); !lode.IsCode(err, lode.CodeNotFound) || !strings.Contains(err.Error(), "question ") {
		t.Errorf("got %v", err)
	}
	if _, err := new(evaluation.Runner).Run(t.Context(), "", set, nil, evaluation.About{}); err == nil {
		t.Error("a runner without an asker runs")
	}
}
