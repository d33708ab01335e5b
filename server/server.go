package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/sparse"
	"github.com/lodedb/lode/pipeline"
	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/retrieval"
	"github.com/lodedb/lode/storage"
)

// readyPatience is how long [Open] waits for the log to be applied before it says so. It waits
// on: what was acknowledged and is not applied yet must not be missed by a read.
const readyPatience = 10 * time.Second

// failPatience is how long the parts of a node that must stop may take to close. What hangs
// on a disk never does.
const failPatience = 3 * time.Second

// Server is one running node.
type Server struct {
	cfg      Config
	started  time.Time
	listener net.Listener
	http     *http.Server
	handler  atomic.Pointer[http.Handler]

	store     *storage.Store
	engine    *collection.Engine
	parsers   *parse.Pool
	pipeline  *pipeline.Pipeline
	raft      atomic.Pointer[raft.Node] // nil until the log is open
	metrics   *metrics
	backups   *backups
	embedders *embedders
	rerankers *rerankers
	retriever *retrieval.Retriever

	disk      *disk
	latencies latencies
	room      *room
	folder    folderSize
	memory    memory
	uploads   uploads
	pace      pace
	later     http.Handler          // the surface, while reads must wait for the log
	opened    atomic.Bool           // every part is there
	leading   atomic.Bool           // the duties of a leader are taken up
	failed    atomic.Pointer[error] // why the node must stop
	stopped   context.Context       // ends when it must
	stop      context.CancelFunc
	served    chan struct{} // closed when the HTTP server has ended
	stopTasks context.CancelFunc
	tasks     sync.WaitGroup
	closing   struct {
		once sync.Once
		err  error
	}
}

// Open starts a node. It returns when the node serves, or with an error when a part cannot
// open; then everything that was opened is closed again. The context bounds the opening
// only. The listener answers /healthz from the start.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	cfg.EnsureDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := newServer(cfg)
	if err := s.listen(); err != nil {
		return nil, err
	}
	if err := s.openWithin(ctx); err != nil {
		return nil, err
	}
	cfg.Logger.Info("node is ready", "url", s.URL(), "node", s.store.NodeID(), "data", cfg.DataDir,
		"version", cfg.Version, "took", time.Since(s.started).Round(time.Millisecond))
	return s, nil
}

func newServer(cfg Config) *Server {
	s := &Server{cfg: cfg, started: cfg.Clock().UTC(), served: make(chan struct{})}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.limitMemory()
	s.room = &room{dir: cfg.DataDir, space: cfg.space, allocate: cfg.allocate, limit: cfg.DiskLimitBytes, used: s.folder.about, grow: s.folder.grow, memory: s.memory.data}
	s.folder.measure = func(ctx context.Context) (storage.Usage, error) { return s.store.Usage(ctx) }
	s.disk = newDisk(cfg.fsys, cfg.DataDir, cfg.DiskTimeout, s.fail, s.latencies.called)
	return s
}

// openWithin opens the parts and closes them again when that fails. It does not wait for a
// disk that hangs: what is open then stays so until the disk answers or the process ends.
func (s *Server) openWithin(ctx context.Context) error {
	opened := make(chan error, 1)
	go func() { opened <- s.open(ctx) }()
	select {
	case err := <-opened:
		if err != nil {
			err = errors.Join(err, s.Close())
		}
		return err
	case <-s.stopped.Done():
	}
	select {
	case err := <-opened:
		return errors.Join(s.Err(), err, s.Close())
	case <-time.After(failPatience):
	}
	go func() {
		<-opened
		_ = s.Close()
	}()
	return errors.Join(s.Err(), s.http.Close())
}

// listen takes the address first, so that a port in use fails before anything is touched.
func (s *Server) listen() error {
	listener, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return lode.Errorf(lode.CodeUnavailable, "listen on %s: %w", s.cfg.Listen, err).
			WithHint("choose another address with --listen")
	}
	s.listener = listener
	s.swap(api.Starting("the node is opening"))
	s.http = api.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*s.handler.Load()).ServeHTTP(w, r)
	}), s.cfg.Logger)
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(fmt.Errorf("serve HTTP: %w", err))
		}
	}()
	return nil
}

func (s *Server) swap(h http.Handler) { s.handler.Store(&h) }

// open opens the parts from the ground up.
func (s *Server) open(ctx context.Context) (err error) {
	defer s.disk.during("the node opens")()
	log := s.cfg.Logger
	if s.store, err = storage.Open(s.cfg.DataDir, storage.Options{Logger: log, MaxBytes: s.cfg.MaxDiskBytes, FlushInterval: s.cfg.FlushInterval, Failed: s.fail, FS: s.disk.fsys, Pace: s.pace.work}); err != nil {
		return err
	}
	s.room.findReserve()
	s.room.keepReserve() // a disk that is full has room to start with, when the reserves are given up
	s.room.giveUpStart()
	loaded := s.loading()
	defer func() {
		if err != nil {
			loaded() // it did not die
		}
	}()
	s.metrics = newMetrics(s)
	embedders, err := newEmbedders(s)
	if err != nil {
		return err
	}
	s.embedders = embedders
	if s.rerankers, err = newRerankers(s.cfg.Rerankers, embedders); err != nil {
		return err
	}
	if s.backups, err = newBackups(s); err != nil {
		return err
	}
	s.engine, err = collection.New(s.store, collection.Options{
		Logger:      log,
		NewDense:    func(dim int, m lode.Metric) index.Dense { return flat.New(dim, m) },
		NewSparse:   func() index.Sparse { return sparse.New() },
		Fingerprint: embedders.fingerprint,
		Room:        s.room.command,
		Memory:      s.memory.admit,
		Clock:       s.cfg.Clock,
		SealBytes:   s.cfg.SegmentBytes,
		Graphs:      graphs{threads: max(1, runtime.GOMAXPROCS(0)/2), pace: &s.pace},
		GraphRows:   s.cfg.GraphRows,
		Pace:        s.pace.work,
		EarlyRows:   s.cfg.EarlyRows,
		Failed:      s.fail,
	})
	if err != nil {
		return err
	}
	embedders.weights = s.engine.Weights
	s.parsers = parse.NewPool(parse.PoolOptions{
		Workers: s.cfg.Workers, MemoryBytes: s.cfg.ParseMemoryBytes, Timeout: s.cfg.ParseTimeout,
		MaxInputBytes: s.cfg.MaxDocumentBytes, Logger: log,
	})
	s.pipeline = pipeline.New(s.pipelineOptions(embedders))
	s.engine.SetProposer(func(context.Context, []byte) (any, error) {
		return nil, lode.Errorf(lode.CodeNoStorage, waitingForRoom).WithHint("free some of the disk")
	})
	fresh := s.room.canStart()
	if fresh {
		err = s.openRaft(ctx)
	} else {
		fresh, err = s.holdsLog()
	}
	if err != nil {
		return err
	}
	handler, err := s.surface(embedders)
	if err != nil {
		return err
	}
	if !fresh {
		s.later, handler = handler, api.Starting(waitingToRead)
	}
	tasks := s.startTasks()
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	s.opened.Store(true)
	s.swap(handler)
	s.run(tasks, func(ctx context.Context) {
		defer loaded()
		_ = s.engine.Await(ctx) // a failure ends the node, by another way
	})
	return nil
}

// holdsLog reports whether the data files hold everything that the log does. When it is not
// open, what they lack must not be missed by a read.
func (s *Server) holdsLog() (bool, error) {
	kept, err := raft.ReadKept(s.store.RaftDir())
	if err != nil {
		return false, err
	}
	return kept.Last <= s.store.Applied().Index, nil
}

func (s *Server) pipelineOptions(e *embedders) pipeline.Options {
	return pipeline.Options{
		Collections:   ingestCollections{s.engine},
		Blobs:         roomyBlobs{s.store.Blobs(), s.room},
		Detect:        parse.Detect,
		ParserVersion: parse.Version,
		Parse: func(ctx context.Context, content []byte, mediaType string) (*lode.SilverText, error) {
			return s.parsers.Parse(ctx, parse.Input{
				Content: content, MediaType: mediaType, Limits: parse.Limits{MaxPages: s.cfg.ParseMaxPages},
			})
		},
		EncodeSilver:     storage.EncodeSilver,
		EmbedderFor:      e.forCollection,
		Workers:          2 * s.cfg.Workers, // half of them wait for the disk; parsing has its own bound
		WorkingBytes:     share(s.memory.limit, workingPercent, pipeline.DefaultWorkingBytes),
		MaxDocumentBytes: s.cfg.MaxDocumentBytes,
		Clock:            s.cfg.Clock,
		Logger:           s.cfg.Logger,
		Events:           s.metrics.pipelineEvents(),
	}
}

// log is the replicated log, nil until it is open.
func (s *Server) log() *raft.Node { return s.raft.Load() }

func (s *Server) openRaft(ctx context.Context) error {
	log, err := raft.Open(ctx, raft.Options{
		Dir: s.store.RaftDir(), NodeID: s.store.NodeID(), ClusterID: s.cluster(), Machine: machine{s},
		StoreTimeout: s.cfg.DiskTimeout, OnAppend: s.latencies.log.add, Logger: s.cfg.Logger, OnFatal: s.fail,
	})
	if err == nil {
		s.raft.Store(log)
		s.engine.SetProposer(log.Propose)
	}
	return err
}

func (s *Server) surface(e *embedders) (http.Handler, error) {
	docs := documents{s.engine, s.pipeline, s.Seal, s.rerankers}
	options := retrieval.Options{
		View: openView(s.engine), Early: openEarly(s.engine), EmbedderFor: e.forCollection, TokenizerFor: (&tokenizers{models: e.models}).of,
		RerankerFor: func(c lode.Collection, name string) (retrieval.Reranker, error) {
			return s.rerankers.forCollection(c, name)
		},
		Clock: s.cfg.Clock, Logger: s.cfg.Logger,
		Events: retrieval.Events{StepDone: s.stepDone},
	}
	s.retriever = retrieval.New(options)
	handler, err := api.New(api.Options{
		Backend: api.Backend{
			Collections: docs, Documents: docs, Points: docs, Ingest: s.pipeline, Retrieval: answers{s.retriever}, Contents: contents{s.engine, s.retriever}, Embedding: embedding{s, e}, Node: node{s}, Backups: s.backups,
			Operations:  operations{s.engine},
			Evaluations: evaluations{docs, roomyBlobs{s.store.Blobs(), s.room}, s.retriever, options, codeName(s.cfg.Version, s.cfg.Commit), new(sync.Mutex)},
		},
		Authenticate: s.cfg.authenticate,
		Metrics:      promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}),
		Logger:       s.cfg.Logger,
		Events:       s.metrics.apiEvents(),
		MaxBodyBytes: s.cfg.MaxBodyBytes,
		// Bodies are counted by s.uploads, which holds at most the limit and one body; the
		// surface counts the same bytes and is never the first to refuse.
		MaxBodiesBytes: s.uploads.limit + s.cfg.MaxBodyBytes,
		MaxConcurrent:  s.cfg.MaxRequests,
		AllowedHosts:   s.cfg.AllowedHosts,
	})
	if err != nil {
		return nil, err
	}
	return s.uploads.guard(handler), nil
}

// awaitReady waits until this node leads and has applied its log.
func (s *Server) awaitReady(ctx context.Context) error {
	begun, told := time.Now(), false
	for s.log() != nil && len(node{s}.Ready(ctx)) > 0 {
		if err := s.Err(); err != nil {
			return err
		}
		if !told && time.Since(begun) > readyPatience {
			told = true
			s.cfg.Logger.Warn("the log is still being applied", "since", readyPatience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// URL is where the node's API is reached.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Err returns why the node must stop, or nil.
func (s *Server) Err() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// fail records the first reason to stop and tells the owner.
func (s *Server) fail(err error) {
	if err == nil || !s.failed.CompareAndSwap(nil, &err) {
		return
	}
	s.cfg.Logger.Error("node must stop", "error", err)
	s.stop()
	if s.cfg.OnFatal != nil {
		s.cfg.OnFatal(err)
	}
}

// Close stops the node: no new requests, those under way get ShutdownTimeout, then the parts
// close from the top down. What was acknowledged is durable; documents that are being
// processed go on when the node starts again. A node that must stop does not wait for a part
// that hangs: then Close returns an error, and only the end of the process frees the folder.
// Close may be called twice.
func (s *Server) Close() error {
	s.closing.once.Do(func() { s.closing.err = s.closeWithin() })
	return s.closing.err
}

func (s *Server) closeWithin() error {
	closed := make(chan error, 1)
	go func() { closed <- s.close() }()
	select {
	case err := <-closed:
		return err
	case <-s.stopped.Done():
	}
	select {
	case err := <-closed:
		return err
	case <-time.After(failPatience):
		return lode.Errorf(lode.CodeUnavailable, "close the node: a part of it hangs and its files stay open")
	}
}

func (s *Server) close() error {
	ctx, cancel := context.WithTimeout(s.stopped, s.cfg.ShutdownTimeout)
	defer cancel()
	var errs []error
	if err := s.http.Shutdown(ctx); err != nil {
		errs = append(errs, s.http.Close())
	}
	<-s.served
	if s.stopTasks != nil {
		s.stopTasks()
	}
	s.tasks.Wait()
	if s.pipeline != nil {
		s.pipeline.Stop()
	}
	if s.rerankers != nil {
		errs = append(errs, s.rerankers.Close())
	}
	if s.embedders != nil {
		errs = append(errs, s.embedders.Close())
	}
	if s.parsers != nil {
		errs = append(errs, s.parsers.Close())
	}
	if log := s.log(); log != nil {
		errs = append(errs, log.Close())
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// Seal closes the growing segment of a collection, whatever its size, builds its sealed file
// and cuts the log, which needs not hold the rows any more. The id is 0 when there was
// nothing to seal.
func (s *Server) Seal(ctx context.Context, p lode.Principal, name string) (lode.SegmentID, error) {
	id, err := s.engine.Seal(ctx, p, name)
	if err != nil || id == 0 {
		return id, err
	}
	return id, s.log().Snapshot(ctx)
}

// Engine is the node's collections, for harnesses and tests in the same process that measure
// or check them without HTTP.
func (s *Server) Engine() *collection.Engine { return s.engine }

// Retriever answers questions without the HTTP surface, likewise. It is there once the node serves.
func (s *Server) Retriever() *retrieval.Retriever { return s.retriever }

// StateHash is the hash of the node's durable state: equal on every node that applied the
// same log. It reads everything and is meant for checks.
func (s *Server) StateHash() (lode.Hash, error) { return s.engine.StateHash() }
