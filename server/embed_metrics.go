package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/service"
)

// embedMetrics are the figures of providers of embeddings. Their labels are providers, never
// collections, of which there may be thousands.
type embedMetrics struct {
	embedRequests *prometheus.CounterVec
	embedSeconds  *prometheus.HistogramVec
	embedTokens   *prometheus.CounterVec
	embedTexts    *prometheus.CounterVec
	egressRefused prometheus.Counter
}

func newEmbedMetrics() embedMetrics {
	return embedMetrics{
		embedRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_embed_requests_total", Help: "Requests to providers of embeddings, by how they ended: ok or the code of the error."}, []string{"provider", "end"}),
		embedSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_embed_request_seconds", Help: "Time of one request to a provider of embeddings.", Buckets: latencyBuckets}, []string{"provider"}),
		embedTokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_embed_tokens_total", Help: "Tokens that providers embedded, as they count them; estimated where they do not."}, []string{"provider", "estimated"}),
		embedTexts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_embed_texts_total", Help: "Texts whose vectors were asked for: cached, shared with a request under way, or sent."}, []string{"provider", "from"}),
		egressRefused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lode_egress_refused_total", Help: "Connections to others that were refused by the rules."}),
	}
}

func (m *embedMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.embedRequests, m.embedSeconds, m.embedTokens, m.embedTexts, m.egressRefused}
}

func (m *embedMetrics) embedEvents() service.Events {
	return service.Events{
		Request: func(provider string, r embed.Request) {
			end, estimated := "ok", "false"
			if r.Err != nil {
				end = string(lode.CodeOf(r.Err))
			}
			if r.Estimated {
				estimated = "true"
			}
			m.embedRequests.WithLabelValues(provider, end).Inc()
			m.embedSeconds.WithLabelValues(provider).Observe(r.Duration.Seconds())
			m.embedTokens.WithLabelValues(provider, estimated).Add(float64(r.Tokens))
		},
		Texts: func(provider string, cached, shared, sent int) {
			m.embedTexts.WithLabelValues(provider, "sent").Add(float64(sent))
			if cached > 0 {
				m.embedTexts.WithLabelValues(provider, "cache").Add(float64(cached))
			}
			if shared > 0 {
				m.embedTexts.WithLabelValues(provider, "shared").Add(float64(shared))
			}
		},
	}
}

// embedGauges reads cost and cache when they are scraped.
type embedGauges struct{ s *Server }

var (
	embedCostDesc  = prometheus.NewDesc("lode_embed_cost_total", "Cost of embedding by the configured prices, kept over restarts.", []string{"provider"}, nil)
	embedCacheDesc = map[string]*prometheus.Desc{
		"entries": prometheus.NewDesc("lode_embed_cache_entries", "Vectors in the embedding cache.", nil, nil),
		"bytes":   prometheus.NewDesc("lode_embed_cache_bytes", "Bytes of the files of the embedding cache.", nil, nil),
		"damaged": prometheus.NewDesc("lode_embed_cache_damaged", "Entries of the embedding cache that could not be read since the start.", nil, nil),
	}
)

// Describe implements prometheus.Collector.
func (g embedGauges) Describe(out chan<- *prometheus.Desc) {
	out <- embedCostDesc
	for _, desc := range embedCacheDesc {
		out <- desc
	}
}

// Collect implements prometheus.Collector. A node that is still opening has no values.
func (g embedGauges) Collect(out chan<- prometheus.Metric) {
	if !g.s.opened.Load() {
		return
	}
	costs := map[string]float64{}
	for _, entry := range g.s.embedders.service.Entries() {
		costs[entry.Provider] += entry.Cost
	}
	for provider, cost := range costs {
		if cost > 0 {
			out <- prometheus.MustNewConstMetric(embedCostDesc, prometheus.CounterValue, cost, provider)
		}
	}
	stats, ok := g.s.embedders.service.CacheStats()
	if !ok {
		return
	}
	for name, value := range map[string]int64{"entries": int64(stats.Entries), "bytes": stats.Bytes, "damaged": stats.Damaged} {
		out <- prometheus.MustNewConstMetric(embedCacheDesc[name], prometheus.GaugeValue, float64(value))
	}
}
