package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/pipeline"
)

// spoiled makes every embedding call answer with what spoil returns.
func spoiled(o *pipeline.Options, w *world, spoil func([]lode.Vector) []lode.Vector) {
	o.EmbedderFor = func(lode.Collection) (embed.Embedder, error) {
		return &embedder{world: w, dim: dim, spoil: spoil}, nil
	}
}

func TestFailingStageQuarantines(t *testing.T) {
	secret := errors.New("the secret document, quoted by a careless library")
	cases := map[string]struct {
		content string
		prepare func(o *pipeline.Options, w *world)
		stage   lode.Stage
		code    lode.Code
		reason  string
	}{
		"blob lost": {
			prepare: func(_ *pipeline.Options, w *world) { w.inject("Get", fault{err: lode.NotFound("blob", "x")}) },
			stage:   lode.StageReceive, code: lode.CodeNotFound, reason: "blob does not exist (blob)",
		},
		"parser refuses": {
			prepare: func(_ *pipeline.Options, w *world) {
				w.inject("Parse", fault{err: fmt.Errorf("page 3: %w", lode.FieldError(lode.CodeMalformed, "content", "secret", "broken table").WithHint("save it again"))})
			},
			stage: lode.StageParse, code: lode.CodeMalformed, reason: "broken table (content); save it again",
		},
		"parser fails unexpectedly": {
			prepare: func(_ *pipeline.Options, w *world) { w.inject("Parse", fault{err: secret}) },
			stage:   lode.StageParse, code: lode.CodeInternal, reason: "internal error; the log of the node says more",
		},
		"parser panics": {
			prepare: func(_ *pipeline.Options, w *world) { w.inject("Parse", fault{panic: true}) },
			stage:   lode.StageParse, code: lode.CodeInternal, reason: "the parse stage crashed",
		},
		"no text": {
			content: " \n\t ", prepare: func(*pipeline.Options, *world) {},
			stage: lode.StageParse, code: lode.CodeInvalid, reason: "the document holds no text",
		},
		"parser lies": {
			prepare: func(o *pipeline.Options, _ *world) {
				o.Parse = func(context.Context, []byte, string) (*lode.SilverText, error) { return paragraphs("other"), nil }
			},
			stage: lode.StageParse, code: lode.CodeCorrupt, reason: "run 0: silver and bronze bytes differ",
		},
		"parser hangs": {
			prepare: func(_ *pipeline.Options, w *world) { w.inject("Parse", fault{wait: make(chan struct{})}) },
			stage:   lode.StageParse, code: lode.CodeTimeout, reason: "document was not done after 5m0s",
		},
		"parser stays overloaded": {
			prepare: func(_ *pipeline.Options, w *world) {
				for range 1000 {
					w.inject("Parse", fault{err: lode.Errorf(lode.CodeOverloaded, "all busy")})
				}
			},
			stage: lode.StageParse, code: lode.CodeTimeout, reason: "document was not done after 5m0s",
		},
		"encoder fails": {
			prepare: func(_ *pipeline.Options, w *world) {
				w.inject("EncodeSilver", fault{err: lode.Errorf(lode.CodeTooLarge, "too much silver")})
			},
			stage: lode.StageParse, code: lode.CodeTooLarge, reason: "too much silver",
		},
		"chunker fails": {
			prepare: func(_ *pipeline.Options, w *world) {
				w.inject("Chunk of text", fault{err: lode.Invalid("strategy", "x", "unknown strategy")})
			},
			stage: lode.StageChunk, code: lode.CodeInvalid, reason: "unknown strategy (strategy)",
		},
		"chunker panics": {
			prepare: func(_ *pipeline.Options, w *world) { w.inject("Chunk of text", fault{panic: true}) },
			stage:   lode.StageChunk, code: lode.CodeInternal, reason: "the chunk stage crashed",
		},
		"chunk is not its span": {
			prepare: func(o *pipeline.Options, _ *world) {
				o.Chunk = func(context.Context, *lode.SilverText, lode.ChunkerConfig, chunker.Embed) ([]lode.Chunk, error) {
					return []lode.Chunk{{Text: "One", Span: lode.Span{Start: 1, End: 4}}}, nil
				}
			},
			stage: lode.StageChunk, code: lode.CodeInternal, reason: "chunk 0 differs from the text at its span",
		},
		"header is not its span": {
			prepare: func(o *pipeline.Options, _ *world) {
				o.Chunk = func(_ context.Context, s *lode.SilverText, _ lode.ChunkerConfig, _ chunker.Embed) ([]lode.Chunk, error) {
					header := &lode.ChunkHeader{Span: lode.Span{End: 3}, Text: "Two"}
					return []lode.Chunk{{Text: s.Text[4:7], Span: lode.Span{Start: 4, End: 7}, Header: header}}, nil
				}
			},
			stage: lode.StageChunk, code: lode.CodeInternal, reason: "chunk 0 differs from the text at its span",
		},
		"no chunks": {
			prepare: func(o *pipeline.Options, _ *world) {
				o.Chunk = func(context.Context, *lode.SilverText, lode.ChunkerConfig, chunker.Embed) ([]lode.Chunk, error) {
					return nil, nil
				}
			},
			stage: lode.StageChunk, code: lode.CodeInternal, reason: fmt.Sprintf("the chunker made no chunk of %d bytes", len(story)),
		},
		"too many chunks": {
			prepare: func(o *pipeline.Options, _ *world) { o.MaxChunks = 2 },
			stage:   lode.StageChunk, code: lode.CodeTooLarge, reason: "document has 3 chunks, the limit is 2 (chunks)",
		},
		"no embedder": {
			prepare: func(_ *pipeline.Options, w *world) {
				w.inject("EmbedderFor", fault{err: lode.Errorf(lode.CodeInvalid, "no provider is configured")})
			},
			stage: lode.StageEmbed, code: lode.CodeInvalid, reason: "no provider is configured",
		},
		"provider down": {
			prepare: func(_ *pipeline.Options, w *world) {
				w.inject("Embed", fault{err: lode.Errorf(lode.CodeProvider, "provider answered 500 to 5 attempts")})
			},
			stage: lode.StageEmbed, code: lode.CodeProvider, reason: "provider answered 500 to 5 attempts",
		},
		"provider panics": {
			prepare: func(_ *pipeline.Options, w *world) { w.inject("Embed", fault{panic: true}) },
			stage:   lode.StageEmbed, code: lode.CodeInternal, reason: "the embed stage crashed",
		},
		"other dimensions": {
			prepare: func(o *pipeline.Options, w *world) {
				o.EmbedderFor = func(lode.Collection) (embed.Embedder, error) { return &embedder{world: w, dim: 3}, nil }
			},
			stage: lode.StageEmbed, code: lode.CodeInvalid, reason: "the embedder makes 3 dimensions, the collection has 4 (dim)",
		},
		"too few vectors": {
			prepare: func(o *pipeline.Options, w *world) {
				spoiled(o, w, func(v []lode.Vector) []lode.Vector { return v[1:] })
			},
			stage: lode.StageEmbed, code: lode.CodeProvider, reason: "the embedder made 2 vectors of 3 texts",
		},
		"not a number": {
			prepare: func(o *pipeline.Options, w *world) {
				spoiled(o, w, func(v []lode.Vector) []lode.Vector { v[1][2] = float32(math.NaN()); return v })
			},
			stage: lode.StageEmbed, code: lode.CodeProvider,
			reason: "the embedding of chunk 1 cannot be used: vector[2] is not a finite number (vector)",
		},
		"log refuses for good": {
			prepare: func(_ *pipeline.Options, w *world) {
				w.inject("StageChunks", fault{err: lode.Errorf(lode.CodeTooLarge, "a chunk does not fit a log entry")})
			},
			stage: lode.StageCommit, code: lode.CodeTooLarge, reason: "a chunk does not fit a log entry",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				o, logged := options(w), new(logBuffer)
				o.Logger = debugLogger(logged)
				good := start(t, o)
				settle(t, good, submit(t, good, "a", "the old version"), lode.StateReady)
				good.Stop()

				c.prepare(&o, w)
				p := start(t, o)
				content := story
				if c.content != "" {
					content = c.content
				}
				v := settle(t, p, submit(t, p, "a", content), lode.StateQuarantined)
				if f := v.Failure; f.Stage != c.stage || f.Code != c.code || f.Reason != c.reason || f.At.IsZero() {
					t.Errorf("failure %+v, want %s %s %q", *f, c.stage, c.code, c.reason)
				}
				if logged.holds("quotes the secret") {
					t.Error("the log quotes the document")
				}
				if old := w.current("a"); old != 1 {
					t.Errorf("version %d is searchable, want the old one", old)
				}
				if content, _, err := p.Bronze(t.Context(), anyone, "docs", "a"); err != nil || len(content) == 0 {
					t.Errorf("bronze is gone: %v", err)
				}
				settle(t, p, submit(t, p, "b", "another document"), stateUnder(name))
			})
		})
	}
}

// stateUnder says what becomes of the next document: options spoil that one too, an
// injected fault is used up.
func stateUnder(name string) lode.DocState {
	switch name {
	case "parser lies", "parser stays overloaded", "chunk is not its span", "header is not its span", "no chunks", "other dimensions", "too few vectors", "not a number":
		return lode.StateQuarantined
	}
	return lode.StateReady
}

func TestReasonIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Parse", fault{err: lode.Errorf(lode.CodeMalformed, "%s", strings.Repeat("é", 1000))})
		v := settle(t, p, submit(t, p, "a", story), lode.StateQuarantined)
		if n := len(v.Failure.Reason); n > 500 || n < 490 {
			t.Errorf("reason has %d bytes", n)
		}
	})
}

func TestRetryAfterQuarantine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Embed", fault{err: lode.Errorf(lode.CodeProvider, "down")})
		settle(t, p, submit(t, p, "a", story), lode.StateQuarantined)
		r, err := p.Retry(t.Context(), anyone, lode.Write{}, "docs", "a")
		if err != nil || r.Epoch != 2 {
			t.Fatalf("retry: %+v, %v", r, err)
		}
		v := settle(t, p, r, lode.StateReady)
		if v.Failure != nil || w.current("a") != 1 {
			t.Errorf("version after retry: %+v", v)
		}
		// The runs of both attempts are kept, and a trace follows the last ones.
		trace, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1}, time.Time{})
		if err != nil || !trace.Verified() || len(trace.Runs) != 5 || len(v.Runs) <= 5 {
			t.Errorf("trace %+v, %d runs, %v", trace.Checks, len(v.Runs), err)
		}
		if _, err := p.Retry(t.Context(), anyone, lode.Write{}, "docs", "a"); !lode.IsCode(err, lode.CodeConflict) {
			t.Errorf("retry of a ready document: %v", err)
		}
	})
}

// A retry that arrives before the worker has let go of the failed job is not forgotten.
func TestRetryWhileWorkerEnds(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		gate := make(chan struct{})
		w.inject("Embed", fault{err: lode.Errorf(lode.CodeProvider, "down")})
		w.inject("Fail", fault{hold: gate})
		first := submit(t, p, "a", story)
		settle(t, p, first, lode.StateQuarantined)
		r, err := p.Retry(t.Context(), anyone, lode.Write{}, "docs", "a")
		if err != nil {
			t.Fatal(err)
		}
		close(gate)
		settle(t, p, r, lode.StateReady)
		if w.completions() != 1 {
			t.Errorf("%d completions", w.completions())
		}
	})
}

// Whatever the log does to one call, the document becomes searchable exactly once, and is
// embedded once.
func TestLogFaultsNeverFailADocument(t *testing.T) {
	passing := map[string]fault{
		"unavailable":        {err: lode.Errorf(lode.CodeUnavailable, "no leader")},
		"overloaded":         {err: lode.Errorf(lode.CodeOverloaded, "too much")},
		"unknown, not done":  {err: lode.Errorf(lode.CodeOutcomeUnknown, "no answer")},
		"unknown, done":      {err: lode.Errorf(lode.CodeOutcomeUnknown, "no answer"), after: true},
		"timeout, done":      {err: lode.Errorf(lode.CodeTimeout, "no answer"), after: true},
		"deadline, not done": {err: context.DeadlineExceeded},
	}
	for _, op := range []string{"StageSilver", "StageChunks", "Complete"} {
		for name, f := range passing {
			t.Run(op+" "+name, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					p := start(t, options(w))
					w.inject(op, f, f, f)
					settle(t, p, submit(t, p, "a", story), lode.StateReady)
					synctest.Wait()
					if w.completions() != 1 || w.count("Fail") != 0 || w.count("Embed") != 1 || w.count("Claim") != 0 {
						t.Errorf("%d completions, %d failures, embedded %d times, %d claims", w.completions(), w.count("Fail"), w.count("Embed"), w.count("Claim"))
					}
				})
			})
		}
	}
}

func TestFailIsPersistedToo(t *testing.T) {
	for _, f := range []fault{
		{err: lode.Errorf(lode.CodeUnavailable, "no leader")},
		{err: lode.Errorf(lode.CodeOutcomeUnknown, "no answer")},
		{err: lode.Errorf(lode.CodeOutcomeUnknown, "no answer"), after: true},
	} {
		bubble(t, func(t *testing.T, w *world) {
			p := start(t, options(w))
			w.inject("Parse", fault{err: lode.Errorf(lode.CodeMalformed, "bad")})
			w.inject("Fail", f)
			v := settle(t, p, submit(t, p, "a", story), lode.StateQuarantined)
			if v.Failure.Code != lode.CodeMalformed {
				t.Errorf("failure %+v", v.Failure)
			}
		})
	}
}

// A job whose claim got no answer has an epoch that nobody here knows; the sweep finds it.
func TestLostClaimIsFoundAgain(t *testing.T) {
	for _, after := range []bool{false, true} {
		bubble(t, func(t *testing.T, w *world) {
			p := start(t, options(w))
			w.inject("Parse", fault{wait: make(chan struct{})})
			r := submit(t, p, "a", story)
			synctest.Wait()
			p.Stop()
			w.inject("Claim", fault{err: lode.Errorf(lode.CodeOutcomeUnknown, "no answer"), after: after})
			if err := p.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			settle(t, p, r, lode.StateReady)
			if w.completions() != 1 || w.count("Claim") != 2 || time.Since(began) > 5*time.Second {
				t.Errorf("%d completions, %d claims, after %s", w.completions(), w.count("Claim"), time.Since(began))
			}
		})
	}
}

func TestUnknownSubmissionIsFoundAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Submit", fault{err: lode.Errorf(lode.CodeOutcomeUnknown, "no answer"), after: true})
		_, err := p.Submit(t.Context(), anyone, submission("a", story))
		wantCode(t, err, lode.CodeOutcomeUnknown)
		time.Sleep(5 * time.Second)
		if w.completions() != 1 || w.current("a") != 1 {
			t.Errorf("%d completions", w.completions())
		}
	})
}

func TestPanickingLogCostsOneAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		w.inject("Complete", fault{panic: true})
		settle(t, p, submit(t, p, "a", story), lode.StateReady) // by the next sweep
		if w.completions() != 1 || w.count("Claim") != 1 {
			t.Errorf("%d completions, %d claims", w.completions(), w.count("Claim"))
		}
	})
}
