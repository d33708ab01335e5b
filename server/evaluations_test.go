package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/evaluation"
	"github.com/lodedb/lode/server"
)

// ferries is a node with a few documents.
func ferries(t *testing.T) *client.Client {
	t.Helper()
	_, c := open(t, server.Config{})
	mustCreate(t, c, "docs")
	var docs []v1.DocumentUpload
	for id, text := range map[string]string{"boats": "The last boat leaves at midnight.", "dogs": "Dogs travel free on the open deck.", "fog": "Fog alone does not stop a boat that has radar."} {
		docs = append(docs, v1.DocumentUpload{ID: lode.DocID(id), MediaType: "text/plain", Content: &text})
	}
	if _, err := c.UploadJSON(t.Context(), "docs", docs, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	return c
}

const ferryLines = `{"id":"last","query":"when does the last boat leave?","spans":[{"document":"boats","start":0,"end":33}]}
{"id":"dogs","query":"may dogs travel?","spans":[{"document":"dogs"}]}
{"id":"gone","query":"what is not there?","spans":[{"document":"deleted"}]}
`

func TestEvaluations(t *testing.T) {
	c := ferries(t)
	info, err := c.PutEvaluation(t.Context(), "docs", "ferries", []byte(ferryLines))
	if err != nil || info.Questions != 3 || info.Spans != 3 {
		t.Fatalf("%+v, %v", info, err)
	}
	lines, err := c.GetEvaluation(t.Context(), "docs", "ferries")
	if err != nil {
		t.Fatal(err)
	}
	if set, err := evaluation.Read(bytes.NewReader(lines)); err != nil || len(set.Questions) != 3 {
		t.Errorf("%s: %v", lines, err)
	}
	report, err := c.RunEvaluation(t.Context(), "docs", "ferries", v1.Retrieve{})
	if err != nil {
		t.Fatal(err)
	}
	if r := report; r.Set.Hash != info.Hash || r.Set.Missing != 1 || r.Corpus.Documents != 3 || len(r.Rows) != 3 || r.Rows[0].MRR != 1 || r.Rows[2].MRR != 0 || r.Mean.TokenRecall == nil {
		t.Errorf("%+v", report)
	}
	if _, err := c.RunEvaluation(t.Context(), "docs", "ferries", v1.Retrieve{Text: "x"}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a run with a text: %v", err)
	}
	if _, err := c.RunEvaluation(t.Context(), "docs", "none", v1.Retrieve{}); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("a run of no set: %v", err)
	}
	if err := c.DeleteEvaluation(t.Context(), "docs", "ferries"); err != nil {
		t.Fatal(err)
	}
	if all, err := c.ListEvaluations(t.Context(), "docs"); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	_, err = c.PutEvaluation(t.Context(), "docs", "ferries", []byte(ferryLines+"{\"id\":\"x\"}\n"))
	var e *lode.Error
	if !errors.As(err, &e) || e.Code != lode.CodeInvalid || e.Field != "line 4.query" {
		t.Errorf("a broken line: %v", err)
	}
	if _, err := c.PutEvaluation(t.Context(), "docs", "ferries", []byte(strings.Repeat(" ", evaluation.MaxSetBytes+2))); !lode.IsCode(err, lode.CodeTooLarge) {
		t.Errorf("a set that is too large: %v", err)
	}
}

// TestEvaluationRunsAlone: a second run at the same time is told to wait.
func TestEvaluationRunsAlone(t *testing.T) {
	c := ferries(t)
	var many strings.Builder
	for i := range 250 {
		many.WriteString(strings.Replace(ferryLines[:strings.IndexByte(ferryLines, '\n')+1], `"last"`, `"q`+strings.Repeat("x", i)+`"`, 1))
	}
	if _, err := c.PutEvaluation(t.Context(), "docs", "many", []byte(many.String())); err != nil {
		t.Fatal(err)
	}
	url := c.BaseURL() + v1.Path(v1.PathEvaluationRun, "docs", "many")
	var all sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		all.Go(func() {
			resp, err := http.Post(url, v1.MediaTypeJSON, strings.NewReader("{}"))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			statuses[i] = resp.StatusCode
		})
	}
	all.Wait()
	done := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			done++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("statuses %v", statuses)
		}
	}
	if done == 0 || done == len(statuses) {
		t.Errorf("%d of %d runs at the same time were done", done, len(statuses))
	}
}

func TestFeedback(t *testing.T) {
	c := ferries(t)
	useful, grade := true, 0
	found, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "when does the last boat leave?"})
	if err != nil {
		t.Fatal(err)
	}
	hit, cited := found.Hits[0], found.Context.Citations[1]
	judged, err := c.SendFeedback(t.Context(), "docs", v1.Feedback{Query: "last boat", ChunkID: &hit.ChunkID, Useful: &useful, Answer: "midnight"})
	if err != nil || judged.DocumentID != "boats" || judged.Grade != 1 || judged.Bronze != *hit.Bronze {
		t.Fatalf("%+v, %v", judged, err)
	}
	citation := &v1.Cited{DocumentID: cited.DocumentID, Span: cited.Span, Bronze: cited.Bronze}
	if _, err := c.SendFeedback(t.Context(), "docs", v1.Feedback{Query: "last boat", Citation: citation, Grade: &grade}); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]v1.Feedback{
		"of nothing": {Query: "q", Useful: &useful},
		"of both":    {Query: "q", Useful: &useful, ChunkID: &hit.ChunkID, Citation: citation},
		"no verdict": {Query: "q", ChunkID: &hit.ChunkID},
		"two":        {Query: "q", ChunkID: &hit.ChunkID, Useful: &useful, Grade: &grade},
	} {
		if _, err := c.SendFeedback(t.Context(), "docs", bad); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	lines, err := c.GetFeedback(t.Context(), "docs")
	if err != nil {
		t.Fatal(err)
	}
	set, err := evaluation.Read(bytes.NewReader(lines))
	if err != nil || len(set.Questions) != 1 || len(set.Questions[0].Spans) != 2 || set.Questions[0].Answer != "midnight" {
		t.Fatalf("%s: %v", lines, err)
	}
	if _, err := c.PutEvaluation(t.Context(), "docs", "feedback", lines); err != nil { // what was judged can be run
		t.Fatal(err)
	}
	report, err := c.RunEvaluation(t.Context(), "docs", "feedback", v1.Retrieve{})
	if err != nil || report.Mean.MRR != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := c.DeleteDocument(t.Context(), "docs", "boats"); err != nil {
		t.Fatal(err)
	}
	if lines, err = c.GetFeedback(t.Context(), "docs"); err != nil || len(lines) != 0 {
		t.Errorf("after the deletion: %s, %v", lines, err)
	}
}

// TestReportContract holds the wire type of reports to what runs write, both ways.
func TestReportContract(t *testing.T) {
	half, weight := 0.5, 0.3
	full := evaluation.Report{
		Format: 1, Partial: 1, Set: evaluation.SetInfo{Name: "s", Questions: 1, Spans: 1, Missing: 1}, Corpus: evaluation.Corpus{Documents: 1, Chunks: 1},
		About: evaluation.About{Collection: "c", Fingerprint: "f", Index: map[string]string{"a": "b"}, Query: json.RawMessage(`{"k":10}`), Code: "v",
			Ranking: &lode.Ranking{DenseWeight: &weight, Fusion: lode.FusionRRF, Reason: "r", Rerank: &lode.Rerank{Name: "n", Depth: 5}, Recency: &lode.Recency{HalfLife: 1 << 50, Weight: 0.5, Field: "f"}, Features: map[string]float64{"fused": 1}}},
		Latency: evaluation.Latency{P50: 1, P99: 2},
	}
	scores := evaluation.Scores{NDCG10: half, Recall5: half, Recall20: half, Recall100: half, MRR: half, MAP: half, TokenPrecision: &half, TokenRecall: &half, TokenIoU: &half, ContextWaste: &half}
	full.Mean = scores
	full.Rows = []evaluation.Row{{ID: "q", Scores: scores, Hits: 1, ContextTokens: 1, Partial: true, Took: 1, Found: []evaluation.Found{{Span: 1, Rank: 1, Verdict: evaluation.Verdict{Covered: 1, IoU: 1}}}}}
	written, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var wire v1.EvaluationReport
	dec := json.NewDecoder(bytes.NewReader(written))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&wire); err != nil {
		t.Fatalf("the wire type lacks a member: %v", err)
	}
	again, err := json.Marshal(wire)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, again) {
		t.Errorf("through the wire type:\n%s\nwritten:\n%s", again, written)
	}
}
