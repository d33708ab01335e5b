package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Events tells the node what the HTTP surface does. Members may be nil; they are called at
// the same time from many requests and must be quick.
type Events struct {
	RequestStarted func()
	RequestDone    func(RequestDone)
}

// RequestDone is one answered request.
type RequestDone struct {
	Method   string
	Route    string // the pattern, never the path; "unmatched" where no route fits
	Status   int    // v1.StatusClientGone when the caller left first
	Code     lode.Code
	Duration time.Duration
	BytesIn  int64
	BytesOut int64
	Panicked bool
}

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// newRequestID is what no other request of this node has, or of another one. It is no secret.
func newRequestID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var id [26]byte
	a, b := rand.Uint64(), rand.Uint64()
	for i := range len(id) / 2 {
		id[2*i], id[2*i+1] = alphabet[a%32], alphabet[b%32]
		a, b = a>>5, b>>5
	}
	return string(id[:])
}

var acceptableRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// recorder notes what was sent.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	code   lode.Code // of the problem that was sent
	route  string    // the pattern, once the request is with a route
	timed  bool      // the answer has its own deadline
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	if !w.timed {
		w.untimed()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// SetWriteDeadline is what http.ResponseController calls.
func (w *recorder) SetWriteDeadline(t time.Time) error {
	w.timed = true
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// untimed takes away the deadline that the connection's last answer has left. Most answers have
// one of their own, and do without.
func (w *recorder) untimed() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Time{}) // an error is the caller's loss
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe gives every request an id, logs and counts it once, and turns a panic into an
// internal error. Paths, queries and bodies are not logged: they hold users' text.
func (s *service) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := r.Header.Get(v1.HeaderRequestID)
		if id == "" || !acceptableRequestID.MatchString(id) {
			id = newRequestID()
		}
		ctx := &requestContext{Context: r.Context(), id: id}
		defer ctx.end()
		r = r.WithContext(ctx)
		w.Header().Set(v1.HeaderRequestID, id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		rec := &recorder{ResponseWriter: w}
		if r.Header.Get("Expect") != "" { // then to read the body is to write
			rec.untimed()
		}
		counted := &countedBody{ReadCloser: r.Body}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = counted
		}
		if s.Events.RequestStarted != nil {
			s.Events.RequestStarted()
		}
		panicked := s.recovered(rec, r, next)
		if rec.status == 0 { // the server answers
			rec.untimed()
		}
		done := RequestDone{
			Method: knownMethod(r.Method), Route: cmp.Or(rec.route, unmatchedRoute), Status: rec.status, Code: rec.code, Duration: time.Since(start),
			BytesIn: counted.bytes, BytesOut: rec.bytes, Panicked: panicked != nil,
		}
		if s.Events.RequestDone != nil {
			s.Events.RequestDone(done)
		}
		s.note(r, id, done)
		if panicked == http.ErrAbortHandler {
			panic(panicked) // the answer had begun: cut the connection, so that it is not taken for whole
		}
	})
}

// recovered serves the request and returns what it panicked with: http.ErrAbortHandler
// when the connection must be cut.
func (s *service) recovered(w *recorder, r *http.Request, next http.Handler) (panicked any) {
	defer func() {
		panicked = recover()
		if panicked == nil || panicked == http.ErrAbortHandler {
			return
		}
		s.log.LogAttrs(r.Context(), slog.LevelError, "request panicked", slog.String("request_id", requestID(r.Context())),
			slog.String("panic", fmt.Sprint(panicked)), slog.String("stack", string(debug.Stack())))
		if w.status != 0 {
			panicked = http.ErrAbortHandler
			return
		}
		w.code = lode.CodeInternal
		writeProblem(w, &lode.Error{Code: lode.CodeInternal, Message: "internal error"}, requestID(r.Context()))
	}()
	next.ServeHTTP(w, r)
	return nil
}

// note logs a request.
func (s *service) note(r *http.Request, id string, e RequestDone) {
	level := logLevel(e)
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	s.log.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", id), slog.String("method", e.Method), slog.String("route", e.Route),
		slog.Int("status", e.Status), slog.String("code", string(e.Code)), slog.Duration("duration", e.Duration),
		slog.Int64("bytes_in", e.BytesIn), slog.Int64("bytes_out", e.BytesOut), slog.String("remote", r.RemoteAddr))
}

// logLevel keeps probes out of an ordinary log.
func logLevel(e RequestDone) slog.Level {
	switch e.Route {
	case v1.PathHealth, v1.PathReady, v1.PathMetrics:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

const unmatchedRoute = "unmatched"

// knownMethod keeps made-up methods out of metric labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch:
		return method
	}
	return "other"
}

// refuseForeignPages stops web pages of other origins from using the caller's browser to
// reach a node on the caller's machine or network.
func (s *service) refuseForeignPages() func(http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, lode.FieldError(lode.CodeUnauthorized, "Origin", r.Header.Get("Origin"), "a web page of another origin may not change anything here"))
	}))
	return func(next http.Handler) http.Handler {
		checked := guard.Handler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if fromBrowser(r) && onLoopback(r) && !s.knownHost(r.Host) {
				s.fail(w, r, lode.FieldError(lode.CodeUnauthorized, "Host", r.Host, "a web page may not reach this node under a foreign name").
					WithHint("name the host with --allowed-host"))
				return
			}
			checked.ServeHTTP(w, r)
		})
	}
}

// fromBrowser reports whether a web page sent the request: browsers add one of these, and
// pages cannot take them away.
func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
}

func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback()
}

// knownHost is the guard against DNS rebinding: a page whose own name was pointed at this
// machine counts as the same origin, but its name stands in Host.
func (s *service) knownHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback() || slices.Contains(s.AllowedHosts, name)
}

// handlerFunc serves one route: decode, call, encode. An error is answered by the caller.
type handlerFunc func(w http.ResponseWriter, r *http.Request, p lode.Principal) error

// serve is what every route shares: the limit on concurrent work, the caller's identity,
// the deadline, the guard of the body and the answer to errors.
func (s *service) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rec, ok := w.(*recorder); ok {
			rec.route = rt.path
		}
		ctx := r.Context().(*requestContext) // of observe; nobody between changes the context
		ctx.deadline = time.Now().Add(s.timeout(rt))
		if err := s.serveWithin(w, r, rt); err != nil {
			s.fail(w, r, err)
		}
	})
}

func (s *service) timeout(rt route) time.Duration {
	if rt.timeout > 0 {
		return rt.timeout
	}
	return s.RequestTimeout
}

func (s *service) serveWithin(w http.ResponseWriter, r *http.Request, rt route) error {
	release, err := s.guardBody(w, r, s.bodyLimit(rt))
	if err != nil {
		return err
	}
	defer release()
	if rt.probe {
		return rt.handle(w, r, lode.Principal{})
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return lode.Errorf(lode.CodeOverloaded, "more than %d requests are being served", cap(s.slots))
	}
	if err := checkQuery(r, rt.query); err != nil {
		return err
	}
	p, err := s.Authenticate(r)
	if err != nil {
		return err
	}
	if r, err = s.withWrite(w, r, rt, p); err != nil {
		return err
	}
	return rt.handle(w, r, p)
}

// maxControlBytes bounds the bodies of routes that carry no documents or vectors in bulk.
const maxControlBytes = 4 << 20

func (s *service) bodyLimit(rt route) int64 {
	if rt.bulk {
		return s.MaxBodyBytes
	}
	return min(s.MaxBodyBytes, maxControlBytes)
}

// fail answers with err. When the caller has left, every error is a consequence of that:
// it is told apart so that it neither fills the log nor counts as ours. A body that we cut
// looks the same to net/http, which then cancels the context.
func (s *service) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) && !lode.IsCode(err, v1.CodeSlowBody) {
		err = &lode.Error{Code: lode.CodeCanceled, Message: "the caller left"}
	}
	rec, _ := w.(*recorder)
	if rec != nil && rec.status != 0 {
		panic(http.ErrAbortHandler) // part of an answer is out: never let it look complete
	}
	code := s.problem(w, r, afterUnknown(err, w.Header().Get(v1.HeaderOperation)))
	if rec != nil {
		rec.code = code
	}
}

// countedBody counts what was read.
type countedBody struct {
	io.ReadCloser
	bytes int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	return n, err
}
