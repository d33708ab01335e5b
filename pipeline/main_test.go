package pipeline_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ pipeline.Collections = (*world)(nil)
	_ pipeline.Blobs       = (*world)(nil)
)

// options joins a pipeline to the world.
func options(w *world) pipeline.Options {
	return pipeline.Options{
		Collections:   w,
		Blobs:         w,
		Detect:        detect,
		ParserVersion: func(mediaType string) string { return "fake-" + mediaType + "/1" },
		Parse:         w.parse,
		Chunk:         w.chunk,
		EncodeSilver:  w.encodeSilver,
		EmbedderFor:   w.embedderFor,
		Workers:       2,
	}
}

// start runs a pipeline until the test ends.
func start(t *testing.T, o pipeline.Options) *pipeline.Pipeline {
	t.Helper()
	p := pipeline.New(o)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// bubble runs a test under simulated time, so that pauses and deadlines cost nothing.
func bubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld()) })
}

func submission(id, content string) lode.Submission {
	return lode.Submission{Collection: "docs", ID: lode.DocID(id), Content: []byte(content)}
}

func submit(t *testing.T, p *pipeline.Pipeline, id, content string) lode.Receipt {
	t.Helper()
	r, err := p.Submit(t.Context(), anyone, submission(id, content))
	if err != nil {
		t.Fatalf("submit %s: %v", id, err)
	}
	return r
}

// settle waits for the version and checks its state.
func settle(t *testing.T, p *pipeline.Pipeline, r lode.Receipt, want lode.DocState) lode.DocVersion {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	v, err := p.Wait(ctx, anyone, "docs", r)
	if err != nil {
		t.Fatalf("wait for %s: %v", r.ID, err)
	}
	if v.State != want {
		t.Fatalf("%s is %s (%+v), want %s", r.ID, v.State, v.Failure, want)
	}
	return v
}

func wantCode(t *testing.T, err error, code lode.Code) {
	t.Helper()
	if lode.CodeOf(err) != code {
		t.Fatalf("got error %v with code %q, want %q", err, lode.CodeOf(err), code)
	}
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) holds(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), s)
}

func debugLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
