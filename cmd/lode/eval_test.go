package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/evaluation"
)

const sampleSet = "../../samples/evaluation.jsonl"

// ingestSamples fills a collection with the samples in small chunks, so that there is something to
// rank.
func (s *shell) ingestSamples(collection string) {
	s.t.Helper()
	s.run(exitOK, "", "collections", "create", collection, "--min-tokens", "16", "--max-tokens", "48")
	s.ingestInOrder(collection)
}

// ingestInOrder sends the samples one after the other: passages that score alike come in the order in
// which they became searchable.
func (s *shell) ingestInOrder(collection string) {
	s.t.Helper()
	for _, name := range []string{"crew-handbook.md", "harbour-meeting.txt", "passenger-help.html", "safety-bulletin.pdf"} {
		s.run(exitOK, "", "ingest", "../../samples/documents", "--include", name, "-c", collection)
	}
}

func (s *shell) client() *client.Client {
	s.t.Helper()
	node, err := client.New(client.Options{BaseURL: s.url})
	if err != nil {
		s.t.Fatal(err)
	}
	return node
}

// offline runs a command that talks to no node.
func offline(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs}); got != want {
		t.Errorf("lode %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, &out, &errs)
	}
	return out.String() + errs.String()
}

// golden are the deterministic parts of a run over the samples.
type golden struct {
	Set    evaluation.SetInfo `json:"set"`
	Corpus evaluation.Corpus  `json:"corpus"`
	Mean   evaluation.Scores  `json:"mean"`
	Rows   []goldenRow        `json:"rows"`
}

type goldenRow struct {
	ID string `json:"id"`
	evaluation.Scores
	Found []evaluation.Found `json:"found,omitempty"`
}

// TestEvalGolden holds the quality of retrieval over the samples, question by question. The diff of
// the file is read in review; the gate below says whether it matters.
func TestEvalGolden(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	out, _ := s.run(exitOK, "", "eval", "run", sampleSet, "-c", "samples", "-k", "10", "--budget", "400", "--output", "json")
	var report evaluation.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	g := golden{Set: report.Set, Corpus: report.Corpus, Mean: report.Mean}
	for _, r := range report.Rows {
		g.Rows = append(g.Rows, goldenRow{ID: r.ID, Scores: r.Scores, Found: r.Found})
	}
	got, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "evaluation.golden.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), got) {
		t.Errorf("the samples are ranked in another way; see the diff of %s after go test ./cmd/lode -run EvalGolden -update", path)
	}
}

// TestEvalSamples holds the set to the texts: each answer stands in one of its spans.
func TestEvalSamples(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	raw, err := os.ReadFile(sampleSet)
	if err != nil {
		t.Fatal(err)
	}
	set, err := evaluation.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	node := s.client()
	texts := map[string]string{}
	for _, q := range set.Questions {
		held := q.Answer == ""
		for _, span := range q.Spans {
			text, known := texts[string(span.Document)]
			if !known {
				silver, err := node.GetSilver(t.Context(), "samples", span.Document)
				if err != nil {
					t.Fatal(err)
				}
				text = silver.Text
				texts[string(span.Document)] = text
			}
			if span.End > len(text) {
				t.Fatalf("%s: span %v of a text of %d bytes", q.ID, span.Bytes(), len(text))
			}
			held = held || strings.Contains(text[span.Start:span.End], q.Answer)
		}
		if !held {
			t.Errorf("%s: no span holds the answer %q", q.ID, q.Answer)
		}
	}
}

// TestEvalGate runs the gate as a script would: a no-op passes, also another chunker of the same
// quality; a setting that is worse is caught.
func TestEvalGate(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	dir := t.TempDir()
	report := func(name string, args ...string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		s.run(exitOK, "", append([]string{"eval", "run", sampleSet, "-c", "samples", "--report", path}, args...)...)
		return path
	}
	base := report("base.json")
	if out := offline(t, exitOK, "eval", "compare", base, report("again.json")); !strings.Contains(out, "same") {
		t.Error(out)
	}
	// The planted drop: only one document can be found.
	worse := report("worse.json", "--filter", `{"has_id": ["documents/passenger-help.html"]}`)
	out := offline(t, exitDrop, "eval", "compare", base, worse)
	if !strings.Contains(out, "drop") || !strings.Contains(out, "differs: query") {
		t.Error(out)
	}
	offline(t, exitOK, "eval", "compare", worse, base)
	offline(t, exitOK, "eval", "compare", base, worse, "--min-delta", "0.95") // nobody cares

	s.run(exitOK, "", "ingest", "../../README.md", "-c", "samples")
	other := report("other.json")
	if out := offline(t, exitFailure, "eval", "compare", base, other); !strings.Contains(out, "different documents") {
		t.Error(out)
	}
	offline(t, exitOK, "eval", "compare", base, other, "--other-corpus", "--min-delta", "0.5")
	offline(t, exitFailure, "eval", "compare", base, filepath.Join(dir, "none.json"))
	offline(t, exitFailure, "eval", "compare", base, sampleSet)
}

// TestEvalRechunked is what spans are for: the same set, the same fingerprint of texts, another
// chunker.
func TestEvalRechunked(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("small")
	s.ingestInOrder("usual")
	dir := t.TempDir()
	small, usual := filepath.Join(dir, "small.json"), filepath.Join(dir, "usual.json")
	s.run(exitOK, "", "eval", "run", sampleSet, "-c", "small", "--report", small)
	s.run(exitOK, "", "eval", "run", sampleSet, "-c", "usual", "--report", usual)
	out := offline(t, exitOK, "eval", "compare", small, usual)
	if !strings.Contains(out, "differs: chunks") || !strings.Contains(out, "index chunker") || strings.Contains(out, "differs: corpus") {
		t.Error(out)
	}
}

func TestEvalTune(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	weight := 0.0 // a ranking that can be beaten, if the samples are enough to show it
	if _, err := s.client().UpdateCollection(t.Context(), "samples", v1.UpdateCollection{Ranking: &v1.Ranking{DenseWeight: &weight, Recency: &v1.Recency{HalfLife: 1 << 50}}}); err != nil {
		t.Fatal(err)
	}
	out, errs := s.run(exitOK, "", "eval", "tune", sampleSet, "-c", "samples", "--fusions", "minmax", "--apply")
	if !strings.Contains(errs, "trial 1: what queries take now") || !strings.Contains(out, "on held-out questions") {
		t.Error(out, errs)
	}
	c, err := s.client().GetCollection(t.Context(), "samples")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Contains(c.Ranking.Reason, "evaluation.jsonl")
	if kept := strings.Contains(out, "keep what queries take now"); kept == changed || c.Ranking.Recency == nil {
		t.Errorf("%s: ranking %+v", out, c.Ranking)
	}
	s.run(exitUsage, "", "eval", "tune", sampleSet, "-c", "samples", "--dense-weight", "0.5")
	s.run(exitUsage, "", "eval", "tune", sampleSet, "-c", "samples", "--metric", "f1")
	s.run(exitFailure, "", "eval", "tune", sampleSet, "-c", "samples", "--folds", "20")
}

// What tune does not choose stays: weights of features would be lost, and with them the re-ranker.
func TestTunedRankingKeeps(t *testing.T) {
	weights := map[string]float64{"fused": 2}
	e := &evaluator{collection: &v1.Collection{Ranking: &v1.Ranking{Rerank: &v1.Rerank{Name: "features"}, Features: weights, Recency: &v1.Recency{HalfLife: 1 << 50}}}}
	half := 0.5
	got := e.ranking(&lode.Ranking{DenseWeight: &half, Fusion: lode.FusionRRF, Rerank: &lode.Rerank{Name: "features"}})
	if !maps.Equal(got.Features, weights) || got.Recency == nil || got.Rerank == nil || *got.DenseWeight != half {
		t.Errorf("%+v", got)
	}
	if about := e.about(nil); !maps.Equal(about.Ranking.Features, weights) {
		t.Errorf("the report says %+v", about.Ranking)
	}
}

// TestEvalTrain trains on a set that the collection keeps.
func TestEvalTrain(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	if _, errs := s.run(exitUsage, "", "eval", "train", sampleSet, "-c", "samples"); !strings.Contains(errs, "eval put") {
		t.Error(errs)
	}
	s.run(exitUsage, "", "eval", "train", "-c", "samples")
	s.run(exitUsage, "", "eval", "train", "harbour", "--feedback", "-c", "samples")
	s.run(exitFailure, "", "eval", "train", "harbour", "-c", "samples")
	s.run(exitFailure, "", "eval", "train", "--feedback", "-c", "samples")
	s.run(exitOK, "", "eval", "put", "harbour", sampleSet, "-c", "samples")
	s.run(exitFailure, "", "eval", "train", "harbour", "-c", "samples", "--depth", "5")
	out, _ := s.run(exitOK, "", "eval", "train", "harbour", "-c", "samples", "--apply")
	c, err := s.client().GetCollection(t.Context(), "samples")
	if err != nil {
		t.Fatal(err)
	}
	changed := c.Ranking != nil && len(c.Ranking.Features) > 0
	if kept := strings.Contains(out, "keep what queries take now"); kept == changed || !strings.Contains(out, "on held-out questions ndcg@10") {
		t.Errorf("%s: ranking %+v", out, c.Ranking)
	}
}

func TestEvalUsage(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	s.run(exitFailure, "", "eval", "run", "no-such-set", "-c", "samples")
	s.run(exitUsage, "", "eval", "run", sampleSet, "-c", "samples", "--query", `{"textt": 1}`)
	s.run(exitUsage, "", "eval", "run", sampleSet, "-c", "samples", "--query", `{"text": "x"}`)
	s.run(exitUsage, "", "eval", "run", sampleSet, "-c", "samples", "--query", `{"ef": 50} {"k": 3}`)
	s.run(exitOK, "", "eval", "run", sampleSet, "-c", "samples", "--query", `{"k": null}`)
	s.run(exitUsage, "", "eval", "run", sampleSet, "-c", "samples", "--parallel", "0")
	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	if err := os.WriteFile(broken, []byte("{\"id\":\"a\",\"query\":\"q\",\"spans\":[{\"document\":\"d\",\"end\":-3}]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs := s.run(exitFailure, "", "eval", "run", broken, "-c", "samples"); !strings.Contains(errs, "line 1.spans[0].end") {
		t.Error(errs)
	}
}

// TestEvalSets is the way of a set through a node: kept, listed, run there and from here, fed by
// judgements.
func TestEvalSets(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	s.run(exitOK, "", "eval", "put", "harbour", sampleSet, "-c", "samples")
	if out, _ := s.run(exitOK, "", "eval", "list", "-c", "samples"); !strings.Contains(out, "harbour  44") {
		t.Error(out)
	}
	dir := t.TempDir()
	here, there := filepath.Join(dir, "here.json"), filepath.Join(dir, "there.json")
	s.run(exitOK, "", "eval", "run", "harbour", "-c", "samples", "--report", here)
	s.run(exitOK, "", "eval", "run", "harbour", "-c", "samples", "--at-node", "--report", there)
	// The node knows of itself what the client reads from it: no difference may be left.
	if out := offline(t, exitOK, "eval", "compare", here, there, "--metric", "ndcg@10,map,token_iou,context_waste"); strings.Contains(out, "differs") || strings.Count(out, "+0.0000 to +0.0000") != 4 {
		t.Error(out)
	}
	got := filepath.Join(dir, "set.jsonl")
	s.run(exitOK, "", "eval", "get", "harbour", "-c", "samples", "-o", got)
	s.run(exitOK, "", "eval", "run", got, "-c", "samples", "--report", there)
	if out := offline(t, exitOK, "eval", "compare", here, there); !strings.Contains(out, "same") {
		t.Error(out)
	}
	found, _ := s.run(exitOK, "", "search", "which extinguisher is wrong?", "-c", "samples", "-k", "1")
	chunk := regexp.MustCompile(`ch-\d+-\d+-\d+`).FindString(found)
	s.run(exitOK, "", "eval", "feedback", "-c", "samples", "--query", "which extinguisher is wrong?", "--chunk", chunk, "--grade", "2")
	s.run(exitUsage, "", "eval", "feedback", "-c", "samples", "--query", "which extinguisher is wrong?")
	lines, _ := s.run(exitOK, "", "eval", "feedback", "-c", "samples")
	s.run(exitOK, lines, "eval", "put", "feedback", "-", "-c", "samples")
	if out, _ := s.run(exitOK, "", "eval", "run", "feedback", "-c", "samples"); !strings.Contains(out, "feedback: 1 questions, 1 spans") {
		t.Error(out)
	}
	s.run(exitOK, "", "eval", "delete", "harbour", "-c", "samples")
	s.run(exitFailure, "", "eval", "get", "harbour", "-c", "samples")
}

// TestEvalDraft drafts of the samples and runs what was drafted.
func TestEvalDraft(t *testing.T) {
	s := newShell(t)
	s.ingestSamples("samples")
	dir := t.TempDir()
	path, fidelity := filepath.Join(dir, "draft.jsonl"), filepath.Join(dir, "fidelity.json")
	_, about := s.run(exitOK, "", "eval", "draft", "-c", "samples", "-n", "20", "-o", path, "--fidelity", fidelity)
	if !strings.Contains(about, "TEMPLATE") || !strings.Contains(about, "another passage may answer too") {
		t.Error(about)
	}
	again, _ := s.run(exitOK, "", "eval", "draft", "-c", "samples", "-n", "20")
	drafted, err := os.ReadFile(path)
	if err != nil || string(drafted) != again {
		t.Errorf("the same collection gives another draft: %v", err)
	}
	raw, err := os.ReadFile(fidelity)
	var f evaluation.Fidelity
	if err != nil || json.Unmarshal(raw, &f) != nil || f.Questions < 10 || f.Questions != strings.Count(again, "\n") {
		t.Errorf("%s, %v", raw, err)
	}
	if out, _ := s.run(exitOK, "", "eval", "run", path, "-c", "samples"); !strings.Contains(out, "recall@5") || strings.Contains(out, "not shown") {
		t.Error(out)
	}
	s.run(exitFailure, "", "eval", "draft", "-c", "samples", "--templates", "poem")
	if _, errs := s.run(exitFailure, "", "eval", "tune", path, "-c", "samples", "--folds", "2"); !strings.Contains(errs, "drafted of the texts") {
		t.Error(errs)
	}
}
