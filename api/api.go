package api

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Defaults of [Options].
const (
	DefaultMaxBodyBytes   = 64 << 20
	DefaultMaxBodiesBytes = 512 << 20
	DefaultMaxConcurrent  = 256
	DefaultMinBodyRate    = 16 << 10
	DefaultBodyGrace      = 10 * time.Second
	DefaultRequestTimeout = 60 * time.Second
)

// Options says what to serve and within which limits.
type Options struct {
	Backend Backend // every member but Backups is needed
	// Authenticate says who sends a request. The default is an all-seeing principal, which
	// is right only while there is no access control.
	Authenticate func(*http.Request) (lode.Principal, error)
	Metrics      http.Handler // served at /metrics; nil: not found
	Logger       *slog.Logger // nil: nothing is logged
	Events       Events

	// AllowedHosts are names under which web pages may reach a node that listens on loopback,
	// beside localhost: those of a proxy in front of it.
	AllowedHosts []string

	MaxBodyBytes   int64         // of one upload; the default is 64 MiB
	MaxBodiesBytes int64         // of all bodies held at one time; the default is 512 MiB
	MaxConcurrent  int           // requests under /v1 at one time; the default is 256
	MinBodyRate    int64         // bytes a second that a body must keep after BodyGrace; the default is 16 KiB
	BodyGrace      time.Duration // the default is 10 s
	RequestTimeout time.Duration // of ordinary requests; the default is 60 s
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.Authenticate == nil {
		o.Authenticate = func(*http.Request) (lode.Principal, error) { return lode.AllSeeing("anonymous"), nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.MaxBodiesBytes == 0 {
		o.MaxBodiesBytes = max(DefaultMaxBodiesBytes, o.MaxBodyBytes)
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	if o.MinBodyRate == 0 {
		o.MinBodyRate = DefaultMinBodyRate
	}
	if o.BodyGrace == 0 {
		o.BodyGrace = DefaultBodyGrace
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
}

// Validate checks options after [Options.EnsureDefaults].
func (o *Options) Validate() error {
	b := o.Backend
	if b.Collections == nil || b.Documents == nil || b.Ingest == nil || b.Points == nil || b.Retrieval == nil || b.Contents == nil || b.Embedding == nil || b.Node == nil || b.Operations == nil {
		return errors.New("api: a member of the backend is missing")
	}
	if o.MaxBodyBytes < 0 || o.MaxConcurrent < 0 || o.MinBodyRate < 0 || o.BodyGrace < 0 || o.RequestTimeout < 0 {
		return errors.New("api: a limit is negative")
	}
	if o.MaxBodiesBytes < o.MaxBodyBytes {
		return lode.Invalid("max_bodies_bytes", o.MaxBodiesBytes, "all bodies together must allow one of %d bytes", o.MaxBodyBytes)
	}
	return nil
}

// service is the state that handlers share.
type service struct {
	Options
	log     *slog.Logger
	slots   chan struct{} // one for each request under /v1 being served
	bodies  byteBudget
	openAPI func() ([]byte, error) // made when first asked for, so that nodes start without it
}

// New returns the handler of the whole HTTP surface.
func New(o Options) (http.Handler, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &service{Options: o, log: o.Logger, slots: make(chan struct{}, o.MaxConcurrent)}
	s.bodies.limit = o.MaxBodiesBytes
	routes := s.routes()
	s.openAPI = sync.OnceValues(func() ([]byte, error) { return marshalOpenAPI(routes) })
	return s.router(routes), nil
}

// router mounts every route of the table, GET routes for HEAD too.
func (s *service) router(routes []route) http.Handler {
	mux := chi.NewRouter()
	mux.Use(s.observe, escapedPath, s.refuseForeignPages())
	for _, rt := range routes {
		h := s.serve(rt)
		mux.Method(rt.method, rt.path, h)
		if rt.method == http.MethodGet {
			mux.Method(http.MethodHead, rt.path, h)
		}
	}
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, lode.NotFound("path", r.URL.Path).WithHint("the paths are listed in "+v1.PathOpenAPI))
	})
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Allow"] = allowedMethods(mux, r)
		s.fail(w, r, lode.FieldError(v1.CodeMethodNotAllowed, "method", r.Method, "the path has no such method"))
	})
	return mux
}

func allowedMethods(mux *chi.Mux, r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if mux.Match(chi.NewRouteContext(), method, rawPath(r)) {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// escapedPath makes chi match the path as it was sent, so that a slash inside an escaped
// id never looks like one between segments. Left alone chi uses the escaped form only
// when it differs from Go's own way of escaping.
func escapedPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RoutePath = rawPath(r)
		next.ServeHTTP(w, r)
	})
}

func rawPath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	return r.URL.EscapedPath()
}
