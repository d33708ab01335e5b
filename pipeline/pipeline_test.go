package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline"
)

const story = "One small paragraph.\n\nAnother one, a bit longer.\n\nThe end."

func TestDocumentBecomesSearchable(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		seen, o := newEnds(), options(w)
		o.Events = pipeline.Events{StageDone: seen.stageDone, JobDone: func(end pipeline.JobEnd, _ time.Duration) {
			seen.mu.Lock()
			defer seen.mu.Unlock()
			seen.jobs[string(end)]++
		}}
		p := start(t, o)
		r := submit(t, p, "a", story)
		if r.Outcome != lode.OutcomeCreated || r.Version != 1 {
			t.Fatalf("receipt %+v", r)
		}
		v := settle(t, p, r, lode.StateReady)
		if v.Chunks != 3 || v.Title != "A title" || v.Blob != lode.HashOf([]byte(story)) || v.Silver != lode.HashOf([]byte(story)) {
			t.Errorf("version %+v", v)
		}
		if n := w.count("Claim"); n != 0 {
			t.Errorf("a fresh job was claimed %d times", n)
		}
		w.mu.Lock()
		chunk := w.docs["a"].versions[1].chunks[1]
		protected := w.protected
		w.mu.Unlock()
		if want := (lode.ChunkID{Doc: r.Doc, Version: 1, Ordinal: 1}); chunk.Chunk.ID != want {
			t.Errorf("chunk id %v, want %v", chunk.Chunk.ID, want)
		}
		vector, _ := lode.ParseVector(chunk.Vector)
		if want := float32(len("A title\n\nAnother one, a bit longer.")); vector[1] != want {
			t.Errorf("embedded %v bytes, want %v: title, then text", vector[1], want)
		}
		if protected != 0 {
			t.Errorf("%d blobs stay protected from the sweeper", protected)
		}
		synctest.Wait()
		want := map[lode.Stage]int{lode.StageReceive: 1, lode.StageParse: 1, lode.StageChunk: 1, lode.StageEmbed: 1, lode.StageCommit: 1}
		if diff := cmp.Diff(want, seen.stages); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"ready": 1}, seen.jobs); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRunsRecordEveryStage(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		v := settle(t, p, submit(t, p, "a", story), lode.StateReady)
		var got []string
		for _, run := range v.Runs {
			got = append(got, fmt.Sprintf("%s %d->%d %s", run.Stage, len(run.Inputs), len(run.Outputs), run.Config))
		}
		// The chunker's fingerprint is the real one's.
		got[2] = strings.TrimSpace(strings.SplitAfter(got[2], "1->1")[0])
		want := []string{"receive 0->1 ", "parse 1->1 fake-text/plain/1", "chunk 1->1", "embed 1->1 fake/1", "commit 2->1 "}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if vectors := v.Runs[3].Counts["vectors"]; vectors != 3 {
			t.Errorf("embed counted %d vectors", vectors)
		}
	})
}

// TestLanguage: the word of whoever hands a document in counts before that of the document, that
// before what the text looks like, and the collection's language is for texts that tell nothing.
func TestLanguage(t *testing.T) {
	const german = "Dieser Text ist lang genug, dass man ihm ansieht, in welcher Sprache er geschrieben wurde, und er sagt sonst nichts von Belang."
	for name, c := range map[string]struct{ said, declared, text, want string }{
		"said":               {"fr", "it-IT", german, "fr"},
		"declared":           {"", "pt-BR", german, "pt"},
		"declared elsewhere": {"", "ja", german, "none"},
		"nothing declared":   {"", "und", german, "de"},
		"seen":               {"", "", german, "de"},
		"too short":          {"", "", "Ein Satz.", "en"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				o := options(w)
				o.Parse = func(ctx context.Context, content []byte, mediaType string) (*lode.SilverText, error) {
					s, err := w.parse(ctx, content, mediaType)
					s.Language = c.declared
					return s, err
				}
				p := start(t, o)
				s := submission("a", c.text)
				s.Language = c.said
				r, err := p.Submit(t.Context(), anyone, s)
				if err != nil {
					t.Fatal(err)
				}
				if v := settle(t, p, r, lode.StateReady); v.Language != c.want {
					t.Errorf("the language is %q, want %q", v.Language, c.want)
				}
			})
		})
	}
}

func TestDefaultID(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		s := submission("", story)
		r, err := p.Submit(t.Context(), anyone, s)
		if err != nil || r.ID != lode.DocID("sha256:"+lode.HashOf([]byte(story)).String()) {
			t.Errorf("id %q, %v: want the hash", r.ID, err)
		}
		s.URI = "file:a.txt"
		if r, err = p.Submit(t.Context(), anyone, s); err != nil || r.ID != "file:a.txt" {
			t.Errorf("id %q, %v: want the uri", r.ID, err)
		}
		s.URI = "file:" + strings.Repeat("x", lode.MaxDocIDBytes)
		_, err = p.Submit(t.Context(), anyone, s)
		wantCode(t, err, lode.CodeInvalid)
		s.ID = "short"
		if r, err = p.Submit(t.Context(), anyone, s); err != nil || r.ID != "short" {
			t.Errorf("id %q, %v", r.ID, err)
		}
	})
}

func TestSameBytesAreNoWork(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		settle(t, p, submit(t, p, "a", story), lode.StateReady)
		r := submit(t, p, "a", story)
		if r.Outcome != lode.OutcomeUnchanged {
			t.Errorf("outcome %s", r.Outcome)
		}
		settle(t, p, r, lode.StateReady)
		if n := w.count("Parse"); n != 1 {
			t.Errorf("parsed %d times", n)
		}
		if s := p.Stats(); s != (pipeline.Stats{}) {
			t.Errorf("load %+v after all work", s)
		}
	})
}

func TestRefusedSubmissionLeavesNothing(t *testing.T) {
	long := submission("a", strings.Repeat("x", 101))
	cases := map[string]struct {
		who  lode.Principal
		s    lode.Submission
		code lode.Code
	}{
		"no principal":      {lode.Principal{}, submission("a", story), lode.CodeUnauthorized},
		"empty":             {anyone, submission("a", ""), lode.CodeInvalid},
		"bad id":            {anyone, submission("a\n", "x"), lode.CodeInvalid},
		"too large":         {anyone, long, lode.CodeTooLarge},
		"unsupported media": {anyone, submission("a", "\x00\x01"), lode.CodeUnsupportedMedia},
		"no such":           {anyone, lode.Submission{Collection: "nope", Content: []byte("x")}, lode.CodeNotFound},
		"raw vectors only":  {anyone, lode.Submission{Collection: "raw", Content: []byte("x")}, lode.CodeInvalid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				o := options(w)
				o.MaxDocumentBytes = 100
				p := start(t, o)
				_, err := p.Submit(t.Context(), c.who, c.s)
				wantCode(t, err, c.code)
				if w.count("Put") != 0 || w.count("Submit") != 0 || p.Stats() != (pipeline.Stats{}) {
					t.Errorf("something was stored or queued: %+v", p.Stats())
				}
			})
		})
	}
}

func TestFailedReceiveGivesRoomBack(t *testing.T) {
	for _, op := range []string{"Put", "Submit"} {
		bubble(t, func(t *testing.T, w *world) {
			p := start(t, options(w))
			w.inject(op, fault{err: lode.Errorf(lode.CodeUnavailable, "no leader")})
			_, err := p.Submit(t.Context(), anyone, submission("a", story))
			wantCode(t, err, lode.CodeUnavailable)
			if s := p.Stats(); s != (pipeline.Stats{}) {
				t.Errorf("%s: load %+v", op, s)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.protected != 0 {
				t.Errorf("%s: blob stays protected", op)
			}
		})
	}
}

func TestStoppedPipelineRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := pipeline.New(options(w))
		p.Stop()
		_, err := p.Submit(t.Context(), anyone, submission("a", story))
		wantCode(t, err, lode.CodeUnavailable)
		for range 2 {
			if err := p.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		settle(t, p, submit(t, p, "a", story), lode.StateReady)
		p.Stop()
		p.Stop()
		_, err = p.Submit(t.Context(), anyone, submission("b", story))
		wantCode(t, err, lode.CodeUnavailable)
		_, err = p.Retry(t.Context(), anyone, lode.Write{}, "docs", "a")
		wantCode(t, err, lode.CodeUnavailable)
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle(t, p, submit(t, p, "b", story), lode.StateReady)
		p.Stop()
	})
}

func TestWrongOptions(t *testing.T) {
	w := newWorld()
	o := options(w)
	o.Parse = nil
	wantCode(t, pipeline.New(o).Start(t.Context()), lode.CodeInvalid)
	o = options(w)
	o.Workers = -1
	wantCode(t, pipeline.New(o).Start(t.Context()), lode.CodeInvalid)
	w.inject("Jobs", fault{err: lode.Errorf(lode.CodeCorrupt, "catalogue")})
	wantCode(t, pipeline.New(options(w)).Start(t.Context()), lode.CodeCorrupt)
}

func TestOverload(t *testing.T) {
	limits := map[string]func(*pipeline.Options){
		"count": func(o *pipeline.Options) { o.QueueDocuments = 2 },
		"bytes": func(o *pipeline.Options) { o.QueueBytes = int64(2 * len(story)) },
	}
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				o := options(w)
				o.Workers = 1
				limit(&o)
				p := start(t, o)
				gate := make(chan struct{})
				w.inject("Parse", fault{wait: gate})
				first, second := submit(t, p, "a", story), submit(t, p, "b", story)
				_, err := p.Submit(t.Context(), anyone, submission("c", story))
				wantCode(t, err, lode.CodeOverloaded)
				if w.count("Put") != 2 {
					t.Error("a refused document was stored")
				}
				synctest.Wait()
				if s := p.Stats(); s.Running != 1 || s.Waiting != 1 || s.Bytes != int64(2*len(story)) {
					t.Errorf("load %+v", s)
				}
				close(gate)
				settle(t, p, first, lode.StateReady)
				settle(t, p, second, lode.StateReady)
				synctest.Wait()
				settle(t, p, submit(t, p, "c", story), lode.StateReady)
			})
		})
	}
}

func TestLargeDocumentFitsEmptyQueue(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		o := options(w)
		o.QueueBytes, o.WorkingBytes = 1, 1
		p := start(t, o)
		settle(t, p, submit(t, p, "a", story), lode.StateReady)
	})
}

func TestManyDocumentsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		o := options(w)
		o.Workers, o.WorkingBytes = 8, int64(3*len(story))
		p := start(t, o)
		var receipts []lode.Receipt
		for i := range 200 {
			receipts = append(receipts, submit(t, p, fmt.Sprint(i), fmt.Sprintf("%s %d", story, i)))
		}
		for _, r := range receipts {
			settle(t, p, r, lode.StateReady)
		}
		if w.completions() != len(receipts) {
			t.Errorf("%d completions of %d documents", w.completions(), len(receipts))
		}
	})
}
