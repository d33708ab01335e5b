package server

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/pipeline"
)

// metrics is everything a node exposes at /metrics, on a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	embedMetrics

	requests       *prometheus.CounterVec
	requestSeconds *prometheus.HistogramVec
	answers        sync.Map // answer to answerMetrics: those of the labels met so far
	inFlight       prometheus.Gauge
	panics         prometheus.Counter

	stageSeconds *prometheus.HistogramVec
	stageBytes   *prometheus.CounterVec
	stageErrors  *prometheus.CounterVec
	jobs         *prometheus.CounterVec
	jobSeconds   prometheus.Histogram
	scrubbed     prometheus.Counter
}

var latencyBuckets = prometheus.ExponentialBuckets(0.0005, 2, 16) // 0.5 ms to 16 s

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry:     prometheus.NewRegistry(),
		embedMetrics: newEmbedMetrics(),
		scrubbed:     scrubMetrics(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_http_requests_total", Help: "HTTP requests answered."}, []string{"method", "route", "status"}),
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_http_request_seconds", Help: "Time to answer a request.", Buckets: latencyBuckets}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_http_requests_in_flight", Help: "Requests being answered."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lode_http_panics_total", Help: "Requests that ended in a bug."}),
		stageSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_ingest_stage_seconds", Help: "Time of one stage for one document.", Buckets: latencyBuckets}, []string{"stage"}),
		stageBytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_ingest_stage_bytes_total", Help: "Bytes that went into a stage."}, []string{"stage"}),
		stageErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_ingest_stage_errors_total", Help: "Documents that failed in a stage, by code."}, []string{"stage", "code"}),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_ingest_jobs_total", Help: "Documents whose processing ended, by how."}, []string{"end"}),
		jobSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_ingest_document_seconds", Help: "Time from receiving a document to its end.", Buckets: latencyBuckets}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.requestSeconds, m.inFlight, m.panics,
		m.stageSeconds, m.stageBytes, m.stageErrors, m.jobs, m.jobSeconds,
		buildInfo(s.cfg), nodeGauges{s}, usageGauges{s}, m.scrubbed, damagedGauge{s}, embedGauges{s})
	m.registry.MustRegister(m.embedMetrics.collectors()...)
	return m
}

func buildInfo(cfg Config) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lode_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": cfg.Version, "commit": cfg.Commit},
	}, func() float64 { return 1 })
}

func (m *metrics) apiEvents() api.Events {
	return api.Events{
		RequestStarted: m.inFlight.Inc,
		RequestDone: func(d api.RequestDone) {
			m.inFlight.Dec()
			of := m.answersLike(answer{d.Method, d.Route, d.Status})
			of.count.Inc()
			of.seconds.Observe(d.Duration.Seconds())
			if d.Panicked {
				m.panics.Inc()
			}
		},
	}
}

// answer is what metrics of requests are labelled with. There are few: routes and methods are
// those of the surface.
type answer struct {
	method, route string
	status        int
}

type answerMetrics struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

// answersLike spares every request the search for its labels, which takes longer than counting.
func (m *metrics) answersLike(a answer) answerMetrics {
	if known, ok := m.answers.Load(a); ok {
		return known.(answerMetrics)
	}
	of := answerMetrics{m.requests.WithLabelValues(a.method, a.route, strconv.Itoa(a.status)), m.requestSeconds.WithLabelValues(a.method, a.route)}
	m.answers.Store(a, of)
	return of
}

func (m *metrics) pipelineEvents() pipeline.Events {
	return pipeline.Events{
		StageDone: func(stage lode.Stage, d time.Duration, bytes int64, err error) {
			m.stageSeconds.WithLabelValues(string(stage)).Observe(d.Seconds())
			m.stageBytes.WithLabelValues(string(stage)).Add(float64(bytes))
			if err != nil {
				m.stageErrors.WithLabelValues(string(stage), string(lode.CodeOf(err))).Inc()
			}
		},
		JobDone: func(end pipeline.JobEnd, age time.Duration) {
			m.jobs.WithLabelValues(string(end)).Inc()
			m.jobSeconds.Observe(age.Seconds())
		},
	}
}

// nodeGauges reads the node's state when it is scraped.
type nodeGauges struct{ s *Server }

var gauges = map[string]*prometheus.Desc{
	"waiting": prometheus.NewDesc("lode_ingest_waiting", "Documents waiting to be processed.", nil, nil),
	"running": prometheus.NewDesc("lode_ingest_running", "Documents being processed.", nil, nil),
	"leader":  prometheus.NewDesc("lode_raft_leader", "1 when this node leads the log.", nil, nil),
	"term":    prometheus.NewDesc("lode_raft_term", "Term of the log.", nil, nil),
	"last":    prometheus.NewDesc("lode_raft_last_index", "Index of the newest entry.", nil, nil),
	"commit":  prometheus.NewDesc("lode_raft_commit_index", "Index of the newest committed entry.", nil, nil),
	"applied": prometheus.NewDesc("lode_storage_applied_index", "Index of the newest entry in storage.", nil, nil),
}

// Describe implements prometheus.Collector.
func (g nodeGauges) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range gauges {
		out <- desc
	}
}

// Collect implements prometheus.Collector. A node that is still opening has no values.
func (g nodeGauges) Collect(out chan<- prometheus.Metric) {
	if !g.s.opened.Load() || g.s.log() == nil {
		return
	}
	work, log := g.s.pipeline.Stats(), g.s.log().Stats()
	leader := 0.0
	if g.s.log().IsLeader() {
		leader = 1
	}
	for name, value := range map[string]float64{
		"waiting": float64(work.Waiting), "running": float64(work.Running), "leader": leader,
		"term": float64(log.Term), "last": float64(log.LastIndex), "commit": float64(log.CommitIndex),
		"applied": float64(g.s.store.Applied().Index),
	} {
		out <- prometheus.MustNewConstMetric(gauges[name], prometheus.GaugeValue, value)
	}
}
