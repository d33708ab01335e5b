package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/evaluation"
)

const oneQuestion = `{"id":"a","query":"q","spans":[{"document":"d"}]}` + "\n"

func TestEvaluations(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	ctx := client.WithKey(t.Context(), "put-1")
	info, err := c.PutEvaluation(ctx, "docs", "set", []byte(oneQuestion))
	if err != nil || info.Questions != 1 || len(f.named) != 1 || f.named[0].Key != "put-1" {
		t.Fatalf("%+v, %v, %+v", info, err, f.named)
	}
	first := f.named[0].Request
	if _, err := c.PutEvaluation(ctx, "docs", "set", []byte(strings.Replace(oneQuestion, `"q"`, `"other"`, 1))); err != nil || f.named[1].Request == first {
		t.Errorf("another body under the same key is another request: %v", err)
	}
	if lines, err := c.GetEvaluation(t.Context(), "docs", "set"); err != nil || !strings.Contains(string(lines), `"other"`) {
		t.Errorf("%s, %v", lines, err)
	}
	if all, err := c.ListEvaluations(t.Context(), "docs"); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	weight := 0.25
	report, err := c.RunEvaluation(t.Context(), "docs", "set", v1.Retrieve{Mode: lode.ModeHybrid, DenseWeight: &weight, Fusion: lode.FusionRRF})
	if err != nil || string(report.Query) != `{"k":100,"mode":"hybrid","dense_weight":0.25,"fusion":"rrf","depth":100}` {
		t.Fatalf("%s, %v", report.Query, err)
	}
	if q := f.evaluated[0]; q.Text != "" || q.K != evaluation.FullDepth || *q.DenseWeight != weight || q.Fusion != lode.FusionRRF {
		t.Errorf("asked %+v", q)
	}
	depth := 20
	if trained, err := c.TrainEvaluation(t.Context(), "docs", "set", v1.TrainRanking{Depth: &depth, Seed: 7, Apply: true}); err != nil || trained.Evaluation != "set" {
		t.Errorf("%+v, %v", trained, err)
	}
	if trained, err := c.TrainFeedback(t.Context(), "docs", v1.TrainRanking{Drafted: true}); err != nil || trained.Evaluation != "" {
		t.Errorf("%+v, %v", trained, err)
	}
	if want := []api.Training{{Depth: 20, Seed: 7, Apply: true}, {Drafted: true}}; !slices.Equal(f.trained, want) {
		t.Errorf("trained %+v", f.trained)
	}
	id := lode.ChunkID{Doc: 1, Version: 2, Ordinal: 3}
	no := false
	if _, err := c.SendFeedback(t.Context(), "docs", v1.Feedback{Query: "q", ChunkID: &id, Useful: &no}); err != nil || f.judged[0].Chunk != id || f.judged[0].Grade != 0 {
		t.Errorf("%+v, %v", f.judged, err)
	}
	if lines, err := c.GetFeedback(t.Context(), "docs"); err != nil || len(lines) != 0 {
		t.Errorf("%s, %v", lines, err)
	}
	if err := c.DeleteEvaluation(t.Context(), "docs", "set"); err != nil {
		t.Error(err)
	}
	if _, err := c.GetEvaluation(t.Context(), "docs", "set"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("a deleted set: %v", err)
	}
}

// TestBadEvaluations sends what a caller can get wrong; nothing is written.
func TestBadEvaluations(t *testing.T) {
	f := newFake()
	_, server := serve(t, f)
	const train = "/v1/collections/docs/evaluations/set/train"
	const set, run, feedback = "/v1/collections/docs/evaluations/set", "/v1/collections/docs/evaluations/set/run", "/v1/collections/docs/feedback"
	for _, c := range []struct {
		method, path, contentType, body string
		code                            lode.Code
		field                           string
	}{
		{"PUT", set, "application/json", oneQuestion, lode.CodeUnsupportedMedia, "Content-Type"},
		{"PUT", set, v1.MediaTypeLines, "", lode.CodeInvalid, "questions"},
		{"PUT", set, v1.MediaTypeLines, oneQuestion + oneQuestion, lode.CodeInvalid, "line 2.id"},
		{"PUT", set, v1.MediaTypeLines, oneQuestion + "[]", lode.CodeInvalid, "line 2"},
		{"PUT", strings.Replace(set, "/set", "/Set%20", 1), v1.MediaTypeLines, oneQuestion, lode.CodeInvalid, "evaluation"},
		{"PUT", strings.Replace(set, "docs", "none", 1), v1.MediaTypeLines, oneQuestion, lode.CodeNotFound, "collection"},
		{"POST", run, "application/json", `{"text":"x"}`, lode.CodeInvalid, "text"},
		{"POST", run, "application/json", `{"k":0}`, lode.CodeInvalid, "k"},
		{"POST", run, "application/json", `{"fusion":"sum"}`, lode.CodeInvalid, "fusion"},
		{"POST", run, "application/json", `{"questions":1}`, lode.CodeUnknownField, "questions"},
		{"POST", run, "application/json", `{}`, lode.CodeNotFound, "evaluation"},
		{"POST", train, "application/json", `{}`, lode.CodeNotFound, "evaluation"},
		{"POST", train, "application/json", `{"depth":9}`, lode.CodeInvalid, "depth"},
		{"POST", train, "application/json", `{"depth":1001}`, lode.CodeInvalid, "depth"},
		{"POST", train, "application/json", `{"seed":-1}`, lode.CodeInvalid, "seed"},
		{"POST", train, "application/json", `{"apply":"yes"}`, lode.CodeInvalid, "apply"},
		{"POST", feedback + "/train", "application/json", `{"k":5}`, lode.CodeUnknownField, "k"},
		{"POST", feedback, "application/json", `{"query":"q","useful":true}`, lode.CodeInvalid, "chunk_id"},
		{"POST", feedback, "application/json", `{"query":"q","chunk_id":"x","useful":true}`, lode.CodeInvalid, "chunk_id"},
		{"POST", feedback, "application/json", `{"query":"q","chunk_id":"ch-1-1-0"}`, lode.CodeInvalid, "useful"},
		{"POST", feedback, "application/json", `{"query":"q","citation":{"document_id":"","span":{"start":0,"end":1}},"useful":true}`, lode.CodeInvalid, "citation.id"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.contentType)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var problem v1.Problem
		err = json.NewDecoder(resp.Body).Decode(&problem)
		_ = resp.Body.Close()
		if err != nil || problem.Code != c.code || problem.Field != c.field {
			t.Errorf("%s %s %.60s: %d %s of %q: %s, %v", c.method, c.path, c.body, resp.StatusCode, problem.Code, problem.Field, problem.Detail, err)
		}
	}
	if f.writes != 0 {
		t.Errorf("%d writes", f.writes)
	}
}
