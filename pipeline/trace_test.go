package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline"
)

func TestTraceFollowsAChunkToItsBytes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		r := submit(t, p, "a", story)
		settle(t, p, r, lode.StateReady)
		trace, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1, Ordinal: 1}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if !trace.Verified() || len(trace.Checks) != 6 {
			t.Errorf("checks %+v", trace.Checks)
		}
		bronze, _, err := p.Bronze(t.Context(), anyone, "docs", "a")
		if err != nil || string(bronze[trace.Bronze.Start:trace.Bronze.End]) != trace.Chunk.Text {
			t.Errorf("bronze %v is not the chunk: %v", trace.Bronze, err)
		}
		if trace.Collection != "docs" || trace.Document.ID != "a" || trace.Version.Version != 1 || len(trace.Runs) != 5 {
			t.Errorf("trace %+v", trace)
		}
	})
}

func TestTraceOfOlderVersion(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		r := submit(t, p, "a", story)
		settle(t, p, r, lode.StateReady)
		settle(t, p, submit(t, p, "a", "all new"), lode.StateReady)
		_, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1}, time.Time{})
		wantCode(t, err, lode.CodeNotFound)
	})
}

func TestTraceOfRawVector(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		r := submit(t, p, "a", story)
		settle(t, p, r, lode.StateReady)
		w.docs["a"].Kind = lode.KindVector
		_, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1}, time.Time{})
		wantCode(t, err, lode.CodeInvalid)
	})
}

// Every kind of damage is found by the checks that it concerns, and by no other.
func TestTraceFindsDamage(t *testing.T) {
	other := lode.HashOf([]byte("other"))
	cases := map[string]struct {
		damage func(w *world, v *version)
		broken []string
	}{
		"bronze bytes": {
			func(w *world, v *version) { w.blobs[v.Blob] = []byte(strings.ToUpper(story)) },
			[]string{pipeline.CheckBronze, pipeline.CheckSource},
		},
		"bronze lost": {
			func(w *world, v *version) { delete(w.blobs, v.Blob) },
			[]string{pipeline.CheckBronze, pipeline.CheckSource},
		},
		"silver text": {
			func(w *world, v *version) { v.text.Text = strings.Replace(story, "Another", "another", 1) },
			[]string{pipeline.CheckSilver, pipeline.CheckSource, pipeline.CheckChunk},
		},
		"silver lost": {
			func(w *world, v *version) {
				w.faults["Silver"] = []fault{{err: lode.Errorf(lode.CodeCorrupt, "checksum")}}
			},
			[]string{pipeline.CheckSilver, pipeline.CheckSource, pipeline.CheckChunk},
		},
		"spans moved": {
			func(w *world, v *version) { v.text.Runs[1].Bronze.Start++; v.text.Runs[1].Bronze.End++ },
			[]string{pipeline.CheckSource},
		},
		"chunk span": {
			func(w *world, v *version) { edit(v, 1, func(c *lode.Chunk) { c.Span.Start++ }) },
			[]string{pipeline.CheckChunk, pipeline.CheckGold},
		},
		"chunk span out of range": {
			func(w *world, v *version) { edit(v, 1, func(c *lode.Chunk) { c.Span.End = 1 << 40 }) },
			[]string{pipeline.CheckChunk, pipeline.CheckGold},
		},
		"another chunk": {
			func(w *world, v *version) { edit(v, 2, func(c *lode.Chunk) { c.Text += "!" }) },
			[]string{pipeline.CheckGold},
		},
		"recorded gold": {
			func(w *world, v *version) { v.Gold = other },
			[]string{pipeline.CheckGold, pipeline.CheckRuns},
		},
		"recorded number of chunks": {
			func(w *world, v *version) { v.Chunks++ },
			[]string{pipeline.CheckGold},
		},
		"run missing":        {func(w *world, v *version) { v.Runs = v.Runs[:4] }, []string{pipeline.CheckRuns}},
		"receive output":     {func(w *world, v *version) { v.Runs[0].Outputs[0] = other }, []string{pipeline.CheckRuns}},
		"parse input":        {func(w *world, v *version) { v.Runs[1].Inputs[0] = other }, []string{pipeline.CheckRuns}},
		"parse output":       {func(w *world, v *version) { v.Runs[1].Outputs = nil }, []string{pipeline.CheckRuns}},
		"chunk input":        {func(w *world, v *version) { v.Runs[2].Inputs = nil }, []string{pipeline.CheckRuns}},
		"embed output":       {func(w *world, v *version) { v.Runs[3].Outputs[0] = other }, []string{pipeline.CheckRuns}},
		"commit of no input": {func(w *world, v *version) { v.Runs[4].Inputs = v.Runs[4].Inputs[:1] }, []string{pipeline.CheckRuns}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := start(t, options(w))
				r := submit(t, p, "a", story)
				settle(t, p, r, lode.StateReady)
				c.damage(w, w.docs["a"].versions[1])
				trace, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1, Ordinal: 1}, time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				var broken []string
				for _, check := range trace.Checks {
					if !check.OK {
						broken = append(broken, check.Name)
					}
					if check.OK != (check.Detail == "") {
						t.Errorf("check %+v", check)
					}
				}
				if diff := cmp.Diff(c.broken, broken); diff != "" || trace.Verified() {
					t.Error(diff)
				}
			})
		})
	}
}

func edit(v *version, ordinal uint32, change func(*lode.Chunk)) {
	c := v.chunks[ordinal]
	change(&c.Chunk)
	v.chunks[ordinal] = c
}

func TestTracePassesOtherErrorsOn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		r := submit(t, p, "a", story)
		settle(t, p, r, lode.StateReady)
		for _, op := range []string{"Chunk", "Get", "Silver", "Chunks"} {
			w.inject(op, fault{err: lode.Errorf(lode.CodeUnavailable, "no leader")})
			_, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1}, time.Time{})
			wantCode(t, err, lode.CodeUnavailable)
		}
	})
}
