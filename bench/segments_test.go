package bench

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/index/hnsw"
)

// smallSegments are options under which every part takes a moment.
func smallSegments(only ...string) SegmentsOptions {
	draw := func(rows, queries int) (*VectorSet, error) {
		rnd := rand.New(rand.NewPCG(1, 2))
		set := &VectorSet{Name: "small", Metric: lode.L2, Rows: randomVectors(rnd, rows, SegmentsDim), Queries: randomVectors(rnd, queries, SegmentsDim)}
		set.Recall = func(answers [][]uint32, k int) float64 { return recallOfSmall(set, answers) }
		return set, nil
	}
	return SegmentsOptions{
		Only: only, Sets: []string{"small"}, Draw: draw,
		Load: func(_ context.Context, _ string) (*VectorSet, error) { return draw(600, 20) },
		Rows: 500, Inserts: 20, InsertRows: 300, SealRows: 300, GraphRows: 100, Rate: 200, Quiet: 100 * time.Millisecond,
	}
}

// recallOfSmall looks whether the nearest row is in the answers.
func recallOfSmall(set *VectorSet, answers [][]uint32) float64 {
	found := 0
	for i, q := range set.Queries {
		best, least := uint32(0), 1e30
		for row, v := range set.Rows {
			d := 0.0
			for j := range v {
				d += float64(v[j]-q[j]) * float64(v[j]-q[j])
			}
			if d < least {
				best, least = uint32(row), d
			}
		}
		if slices.Contains(answers[i], best) {
			found++
		}
	}
	return float64(found) / float64(len(answers))
}

// TestSegmentsSealed runs the part that needs no process; how fast it is is not looked at.
func TestSegmentsSealed(t *testing.T) {
	o := options(t, "")
	o.Limit = 3
	r, err := Segments(t.Context(), o, smallSegments("sealed"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"small: recall@10 in memory", "small: recall@10 through the sealed segment"} {
		if recall := figure(t, r, name).Value; recall < 0.9 {
			t.Errorf("%s is %v", name, recall)
		}
	}
	if rounds, ok := r.Raw["sealed, small"].([]sealedRound); !ok || len(rounds) != 3 || rounds[0].Segment <= 0 || rounds[0].Memory <= 0 {
		t.Errorf("%+v", r.Raw)
	}
	if !strings.HasPrefix(r.Data, "sealed: small with 600 vectors") {
		t.Errorf("data %q", r.Data)
	}
}

// TestSegmentsProcesses builds the program and runs the other parts.
func TestSegmentsProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: builds the program, under -short")
	}
	o := options(t, "")
	o.Binary, o.Limit = filepath.Join(t.TempDir(), "lode"), 1
	build := exec.Command("go", "build", "-o", o.Binary, "../cmd/lode")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r, err := Segments(t.Context(), o, smallSegments("open", "insert", "sealing"))
	if err != nil {
		t.Fatal(err)
	}
	if f := figure(t, r, "open: graphs built anew by all starts"); f.IsMissed() {
		t.Errorf("%+v", f)
	}
	for _, name := range []string{
		"open: listening, median", "open: first right answer over HTTP, median of 1 starts", "insert: p99 until searched, of 20",
		"sealing: p99 beside it, times quiet, median of rounds", "sealing: until the graph is there, beside searches",
	} {
		if figure(t, r, name).Value <= 0 {
			t.Errorf("%s: %+v", name, r.Figures)
		}
	}
}

// TestSegmentsCatches is the negative control of what the parts demand of answers.
func TestSegmentsCatches(t *testing.T) {
	hit := func(row int) v1.Hit { return v1.Hit{DocumentID: segmentRow(row)} }
	if err := mustBeFirst([]v1.Hit{hit(3), hit(1)}, 3); err != nil {
		t.Errorf("a right answer is refused: %v", err)
	}
	for name, hits := range map[string][]v1.Hit{"none": nil, "second": {hit(1), hit(3)}, "another": {hit(30)}} {
		if mustBeFirst(hits, 3) == nil {
			t.Errorf("%s: the wrong row passes", name)
		}
	}
	if demandK(make([]int, segmentK), nil) != nil || demandK(make([]int, segmentK-1), nil) == nil || demandK(make([]int, segmentK), errors.New("broken")) == nil {
		t.Error("a short answer passes, or a whole one does not")
	}
	for _, id := range []lode.DocID{"row-", "row-7x", "row-07", "point-7"} {
		if row, err := rowOfSegment(id); err == nil {
			t.Errorf("%q is row %d", id, row)
		}
	}
	if row, err := rowOfSegment(segmentRow(41)); err != nil || row != 41 {
		t.Errorf("row %d, %v", row, err)
	}
}

// TestSegmentsCatchesUnlike: another graph than the node's is not compared with it.
func TestSegmentsCatchesUnlike(t *testing.T) {
	set, err := smallSegments().Draw(200, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(o hnsw.Options) *hnsw.Sealed {
		t.Helper()
		o.Dim, o.Metric, o.Threads = SegmentsDim, set.Metric, 1
		x, err := hnsw.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.AddBatch(t.Context(), set.Rows); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "segments"), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, "segments", "a.index"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := x.Seal(f, hnsw.SealOptions{WithoutVectors: true}); err != nil {
			t.Fatal(err)
		}
		frozen, err := x.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		return frozen
	}
	same := write(hnsw.Options{Ef: sealedEf})
	if err := sameIndex(dir, set, same); err != nil {
		t.Errorf("the same is refused: %v", err)
	}
	if err := sameIndex(dir, set, write(hnsw.Options{Ef: sealedEf})); err != nil {
		t.Errorf("the same is refused: %v", err)
	}
	for _, other := range []hnsw.Options{{Ef: 64}, {Ef: sealedEf, M: 8}, {Ef: sealedEf, Kind: "none"}} {
		write(other)
		if sameIndex(dir, set, same) == nil {
			t.Errorf("%+v passes for the node's", other)
		}
	}
}

// TestSegmentsCatchesRebuilt: a graph that was written anew, came or went is counted.
func TestSegmentsCatchesRebuilt(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "segments", "a.index"), filepath.Join(dir, "segments", "b.index")
	if _, err := graphFiles(dir); err == nil {
		t.Error("a folder without graphs passes")
	}
	write(t, dir, "segments/a.words.index", "words")
	if _, err := graphFiles(dir); err == nil {
		t.Error("words pass for a graph")
	}
	write(t, dir, "segments/a.index", "graph")
	before := stats(t, dir)
	if n := changedFiles(before, stats(t, dir)); n != 0 {
		t.Errorf("%d of the same files are others", n)
	}
	write(t, dir, "segments/b.index", "graph")
	if n := changedFiles(before, stats(t, dir)); n != 1 {
		t.Errorf("%d new files", n)
	}
	if err := os.Rename(b, a); err != nil {
		t.Fatal(err)
	}
	if n := changedFiles(before, stats(t, dir)); n != 1 {
		t.Errorf("%d files that were replaced", n)
	}
}

func stats(t *testing.T, dir string) map[string]fs.FileInfo {
	t.Helper()
	files, err := graphFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPaced: a question that had to wait is late from when it was due, and an error ends all.
func TestPaced(t *testing.T) {
	hold := make(chan struct{})
	got, err := paced(1000, func(int) error { <-hold; return nil }, func() error {
		time.Sleep(50 * time.Millisecond)
		close(hold)
		return sleep(t.Context(), 20*time.Millisecond)
	})
	if err != nil || got.Count <= paceWorkers || got.Max < 40 {
		t.Errorf("%+v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := paced(1000, func(int) error { return broken }, func() error { return sleep(t.Context(), 10*time.Millisecond) }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if _, err := paced(1000, func(int) error { return nil }, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestTails(t *testing.T) {
	var took []time.Duration
	for i := range 1000 {
		took = append(took, time.Duration(1000-i)*time.Millisecond)
	}
	if got, want := tailsOf(took), (tails{Count: 1000, P50: 500, P99: 990, P999: 999, Max: 1000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := tailsOf(nil); got != (tails{}) {
		t.Errorf("got %+v", got)
	}
}

// TestSegmentsOptions: what cannot be measured is refused by name.
func TestSegmentsOptions(t *testing.T) {
	for field, spoil := range map[string]func(*SegmentsOptions){
		"only":    func(o *SegmentsOptions) { o.Only = []string{"opening"} },
		"inserts": func(o *SegmentsOptions) { o.Inserts = -1 },
		"rows":    func(o *SegmentsOptions) { o.GraphRows = 400 },
		"quiet":   func(o *SegmentsOptions) { o.Quiet = -1 },
	} {
		s := smallSegments()
		spoil(&s)
		var invalid *lode.Error
		if _, err := Segments(t.Context(), options(t, ""), s); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: error %v", field, err)
		}
	}
}
