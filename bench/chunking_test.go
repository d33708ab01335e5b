package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/report"
)

// chunkingFolder is a set of one text with multi-byte characters, long enough for some chunks,
// and two questions.
func chunkingFolder(t *testing.T, shift int) string {
	t.Helper()
	dir := t.TempDir()
	filler := strings.Repeat("Die Fähre fährt jede Stunde über die Bucht. ", 60)
	answer := "The zeppelin lands on Tuesdays."
	text := filler + answer + " " + filler + "\n\nHerons fish in shallow water.\n"
	write(t, dir, "corpora/birds.md", text)
	row := func(question, content string) string {
		start := len([]rune(text[:strings.Index(text, content)])) + shift
		return fmt.Sprintf("%s,\"[{\"\"content\"\": \"\"%s\"\", \"\"start_index\"\": %d, \"\"end_index\"\": %d}]\",birds\n", question, content, start, start+len(content))
	}
	write(t, dir, "questions.csv", "question,references,corpus_id\n"+row("when does the zeppelin land", answer)+row("where do herons fish", "Herons fish in shallow water."))
	return dir
}

// TestChunking measures a set in which every answer is found: recall is 1, IoU is small.
func TestChunking(t *testing.T) {
	r, err := Chunking(t.Context(), options(t, chunkingFolder(t, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if f := figure(t, r, "default, five chunks: recall"); f.Value < 0.999 || f.Value > 1.001 || !*f.Met {
		t.Errorf("%+v", f)
	}
	if f := figure(t, r, "default, five chunks: IoU"); f.Value <= 0 || f.Value > 0.05 || *f.Met {
		t.Errorf("%+v", f)
	}
	if len(r.Table.Rows) != len(chunkingConfigs()) {
		t.Errorf("%d rows of %d ways", len(r.Table.Rows), len(chunkingConfigs()))
	}
	var b strings.Builder
	if err := Tables(&b, []*Report{r}); err != nil || !strings.Contains(b.String(), "\n| recursive | 400 | ") {
		t.Errorf("%v: %s", err, &b)
	}
	path := t.TempDir() + "/r.json"
	if err := r.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	again, err := report.Read[Report](path)
	if err != nil {
		t.Fatal(err)
	}
	var second strings.Builder
	if err := Tables(&second, []*Report{again}); err != nil || second.String() != b.String() {
		t.Errorf("%v: a report that was read prints\n%s\nnot\n%s", err, &second, &b)
	}
}

// A reference that is not at its place must not be measured.
func TestChunkingRefusesShiftedReferences(t *testing.T) {
	if _, err := Chunking(t.Context(), options(t, chunkingFolder(t, 1))); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("%v", err)
	}
}

// TestChunkingArticles joins passages to texts and takes the sentences of the answers.
func TestChunkingArticles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "corpus.jsonl", `{"_id":"0","title":"Vögel","text":"Größe zählt. Owls hunt mice at night. They sleep by day."}
{"_id":"1","title":"Boats","text":"Boats float."}
{"_id":"2","title":"Vögel","text":"Herons fish."}`)
	write(t, dir, "queries.jsonl", `{"_id":"q1","text":"what do owls hunt"}
{"_id":"q2","text":"what do herons do"}`)
	write(t, dir, "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\t0\t1\nq2\t2\t1\n")
	answers := `[{"qid":"q1","doc":"0","answers":[{"answer_start":%d,"text":"mice"}]},{"qid":"q2","doc":"2","answers":[{"answer_start":7,"text":"fish"}]}]`
	write(t, dir, "answers.json", fmt.Sprintf(answers, 23))
	set, err := readChunking(dir)
	if err != nil || len(set.texts) != 2 || len(set.questions) != 2 || set.targets {
		t.Fatalf("%+v, %v", set, err)
	}
	for i, want := range []string{"Owls hunt mice at night.", "Herons fish."} {
		q := set.questions[i]
		if got := set.texts[q.of].content[q.gold[0].Start:q.gold[0].End]; q.of != "Vögel" || got != want {
			t.Errorf("answer %d is %q of %s, want %q", i, got, q.of, want)
		}
	}
	write(t, dir, "answers.json", fmt.Sprintf(answers, 22))
	if _, err := readChunking(dir); err == nil || !strings.Contains(err.Error(), "q1") {
		t.Errorf("a shifted answer: %v", err)
	}
}
