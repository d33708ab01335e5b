package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Limits of [NewServer] on what comes before a request's body.
const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// NewServer returns a server for the handler with limits on headers and idle connections.
// Bodies and answers have deadlines of their own, set request by request. The caller
// listens, serves and shuts down.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Starting serves while the node opens: it is alive, not ready, and everything else is
// unavailable until it serves. reason says what is being done.
func Starting(reason string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case v1.PathHealth:
			_ = writeJSON(w, http.StatusOK, v1.Health{Status: "ok"})
		case v1.PathReady:
			_ = writeReadiness(w, []Reason{{Name: "starting", Detail: reason}})
		default:
			w.Header().Set("Connection", "close") // a body may follow that nobody reads
			writeProblem(w, lode.Errorf(lode.CodeUnavailable, "the node is starting: %s", reason), "")
		}
	})
}
