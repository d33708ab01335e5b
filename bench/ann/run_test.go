package ann

import (
	"bytes"
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

// tiny is a run over data that is searched in no time.
func tiny(t *testing.T, engines ...string) Options {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: processes are measured on Linux only")
	}
	o := Options{
		Command: "test", Commit: "test", Seed: 1, Rounds: 2, MinRound: time.Millisecond, EF: []int{10, 50, 90, 100},
		Data: DataOptions{Dataset: "mixture:n=600,dim=16,clusters=20,queries=30", Cache: t.TempDir()},
		Log:  NewLog(new(bytes.Buffer)),
	}
	for _, kind := range engines {
		o.Engines = append(o.Engines, fake(t, kind))
	}
	return o
}

// TestRun goes through the whole protocol with honest engines.
func TestRun(t *testing.T) {
	o := tiny(t, "lode", "approximate", "talkative")
	o.Builds, o.BuildAlone = []int{1, 2}, []string{"lode"}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Skipped) != 0 || len(r.Engines) != 7 {
		t.Fatalf("skipped %+v, %d engines", r.Skipped, len(r.Engines))
	}
	flat := r.find("lode/flat")
	if len(flat.Points) != 1 || flat.Points[0].Recall != 1 || len(flat.Builds) != 1 || len(r.find("lode/int4").Builds) != 2 || len(r.find("lode/int8").Builds) != 1 || len(flat.Points[0].Rounds) != 2 {
		t.Errorf("an exact engine: %+v", flat)
	}
	partial := r.find("approximate/f32")
	for i, want := range []float64{0.1, 0.5, 0.9, 1} {
		if got := partial.Points[i].Recall; got < want-0.01 || got > want+0.01 {
			t.Errorf("recall at ef %d is %v, want %v", partial.Points[i].EF, got, want)
		}
	}
	for _, e := range r.Engines {
		if len(e.Concurrent) != 2 && runtime.NumCPU() > 1 {
			t.Errorf("%s was not searched concurrently: %+v", e.Name(), e.Concurrent)
		}
		if len(e.Batches) != 2 && runtime.NumCPU() > 1 && e.Engine == "lode" && !e.Exact {
			t.Errorf("%s was not given a batch: %+v", e.Name(), e.Batches)
		}
		for _, p := range e.Points {
			if p.QPS <= 0 || p.Wall <= 0 || p.P50 <= 0 || p.P999 < p.P99 || p.P99 < p.P50 {
				t.Errorf("%s: %+v", e.Name(), p)
			}
		}
		if b := e.Builds[0]; b.ResidentMB < 1 || b.PeakMB < b.ResidentMB || b.CPUSeconds <= 0 || b.WallSeconds <= 0 {
			t.Errorf("%s: %+v", e.Name(), b)
		}
		if e.At[2] == nil {
			t.Errorf("%s reaches recall 0.99 and has no QPS there", e.Name())
		}
	}
}

// TestRunCatches is the negative control of the harness: wrong answers have low recall,
// and engines that lie about counts are refused, with the others unharmed.
func TestRunCatches(t *testing.T) {
	refusals := map[string]string{
		"lying": "601 rows", "miscounting": "31 queries", "doubling": "twice", "beyond": "row 600 of 600", "generous": "11 answers",
		"failing": "out of luck", "dying": "a last word", "old": "protocol 2", "small": "10 rows at most",
	}
	kinds := []string{"wrong", "approximate"}
	for kind := range refusals {
		kinds = append(kinds, kind)
	}
	o := tiny(t, kinds...)
	log := new(bytes.Buffer)
	o.Log = NewLog(log)
	o.Skipped = []Skip{{Name: "absent", Reason: "no such package"}}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := r.find("wrong/f32"); wrong == nil || wrong.Points[0].Recall > 0.2 {
		t.Errorf("wrong answers: %+v", wrong)
	}
	if len(r.Engines) != 2 || r.find("approximate/f32") == nil {
		t.Errorf("%d engines are left", len(r.Engines))
	}
	refusals["absent"] = "no such package"
	for _, s := range r.Skipped {
		kind, _, _ := strings.Cut(s.Name, "/")
		if want := refusals[kind]; want == "" || !strings.Contains(s.Reason, want) {
			t.Errorf("%s is refused because %q, want %q", s.Name, s.Reason, want)
		}
		if !strings.Contains(log.String(), "SKIPPED "+s.Name) {
			t.Errorf("nobody was told that %s is skipped", s.Name)
		}
		delete(refusals, kind)
	}
	if len(refusals) > 0 {
		t.Errorf("not refused: %v", refusals)
	}
}

// TestPeerMute gives up on an engine that says nothing, and ends it.
func TestPeerMute(t *testing.T) {
	tiny(t) // skips where nothing is measured
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if p, err := StartPeer(ctx, fake(t, "mute"), []int{0}); err == nil {
		p.Close()
		t.Error("an engine without hello was taken")
	}
}

// TestRunStopped leaves no process behind when the caller goes.
func TestRunStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Run(ctx, tiny(t, "lode")); !lode.IsCode(err, lode.CodeCanceled) {
		t.Error(err)
	}
}

func TestPublicReason(t *testing.T) {
	if got := publicReason("a.cpp:1: fatal\n  error: /home/me/x/y.hpp not found"); got != "a.cpp:1: fatal error: y.hpp not found" {
		t.Error(got)
	}
}

func TestRunRefuses(t *testing.T) {
	f := func(field string, spoil func(*Options)) {
		t.Helper()
		o := tiny(t, "lode")
		spoil(&o)
		_, err := Run(t.Context(), o)
		if code := lode.CodeOf(err); code != lode.CodeInvalid && code != lode.CodeNotFound || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	f("k", func(o *Options) { o.K = 101 })
	f("m", func(o *Options) { o.M = 1 })
	f("ef-construction", func(o *Options) { o.EFConstruction = -1 })
	f("rounds", func(o *Options) { o.Rounds = 1001 })
	f("ef", func(o *Options) { o.EF = []int{0} })
	f("recall", func(o *Options) { o.Recalls = []float64{1.5} })
	f("threads", func(o *Options) { o.Threads = []int{0} })
	f("engines", func(o *Options) { o.Only = []string{"nobody"} })
	f("metric", func(o *Options) { o.Data.Metric = "manhattan" })
	f("dataset", func(o *Options) { o.Data.Dataset = filepath.Join("no", "such", "file.fvecs") })
	f("rows", func(o *Options) { o.Data.Rows = -1 })
}
