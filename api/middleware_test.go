package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// timedWriter notes deadlines and what is written, in order.
type timedWriter struct {
	*httptest.ResponseRecorder
	did []string
}

func (w *timedWriter) SetWriteDeadline(t time.Time) error {
	w.did = append(w.did, map[bool]string{true: "no deadline", false: "deadline"}[t.IsZero()])
	return nil
}

func (w *timedWriter) WriteHeader(status int) {
	w.did = append(w.did, "answer")
	w.ResponseRecorder.WriteHeader(status)
}

type noted struct {
	io.Reader
	w *timedWriter
}

func (r noted) Read(b []byte) (int, error) {
	r.w.did = append(r.w.did, "body")
	return r.Reader.Read(b)
}

// TestNoDeadlineIsInherited: whatever an answer looks like, it does not meet the deadline that
// the connection's last one has left.
func TestNoDeadlineIsInherited(t *testing.T) {
	s := &service{log: slog.New(slog.DiscardHandler)}
	for name, c := range map[string]struct {
		expect string
		handle http.HandlerFunc
		want   []string
	}{
		"with a deadline of its own": {"", func(w http.ResponseWriter, _ *http.Request) { writeBytes(w, 200, "text/plain", []byte("x")) },
			[]string{"deadline", "answer"}},
		"without one": {"", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) },
			[]string{"no deadline", "answer"}},
		"without a body": {"", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
			[]string{"no deadline", "answer"}},
		"nothing written": {"", func(http.ResponseWriter, *http.Request) {},
			[]string{"no deadline"}},
		"reading answers": {"100-continue", func(w http.ResponseWriter, r *http.Request) {
			_, _ = r.Body.Read(make([]byte, 1))
			writeBytes(w, 200, "text/plain", []byte("x"))
		}, []string{"no deadline", "body", "deadline", "answer"}},
	} {
		w := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("body"))
		if c.expect != "" {
			r.Header.Set("Expect", c.expect)
			r.Body = io.NopCloser(noted{r.Body, w})
		}
		s.observe(c.handle).ServeHTTP(w, r)
		if !slices.Equal(w.did, c.want) {
			t.Errorf("%s: %q, want %q", name, w.did, c.want)
		}
	}
}

func TestNewRequestID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newRequestID()
		if len(id) != 26 || !acceptableRequestID.MatchString(id) || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}
