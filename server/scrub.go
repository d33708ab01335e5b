package server

import (
	"context"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// Defaults of the scrubber: every sealed segment is read once a day.
const (
	DefaultScrubEvery = 24 * time.Hour
	// scrubDelay is how long a node serves before its first round.
	scrubDelay = time.Minute
)

// NoScrub is the value of [Config].ScrubEvery that turns the scrubber off.
const NoScrub = -1

// scrub reads sealed segments and compares them with their hashes, round after round. What is
// damaged is refused to whoever reads it, and replaced from a backup where there is one.
func (s *Server) scrub(ctx context.Context) {
	if s.cfg.ScrubEvery < 0 {
		return
	}
	pause := min(scrubDelay, s.cfg.ScrubEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = s.cfg.ScrubEvery
		round, err := s.store.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: s.cfg.ScrubRate, Report: s.damaged, Fetch: s.fetchSealed})
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("scrub failed", "error", err)
			pause = min(pause, backupRetry)
		}
		s.metrics.scrubbed.Add(float64(round.Bytes))
		if err == nil && round.Files > 0 {
			s.cfg.Logger.Info("scrubbed", "files", round.Files, "bytes", round.Bytes, "damaged", round.Damaged, "repaired", round.Repaired)
		}
	}
}

// damaged tells of a damaged file. Segments and hashes are names of our own.
func (s *Server) damaged(d storage.Damage) {
	if d.Repaired {
		s.cfg.Logger.Warn("a damaged segment was replaced from a backup", "collection", d.Collection, "segment", d.Segment, "file", d.Hash)
		return
	}
	s.cfg.Logger.Error("a segment is damaged: what is damaged in it is refused", "collection", d.Collection, "segment", d.Segment, "file", d.Hash, "what", d.What,
		"hint", "set --backup-to to a repository that has it, or see docs/repair.md")
}

// fetchSealed opens a sealed file of a backup.
func (s *Server) fetchSealed(ctx context.Context, h lode.Hash) (io.ReadCloser, error) {
	if s.backups == nil || s.backups.repo == nil {
		return nil, lode.NotFound("segment file", h)
	}
	return s.backups.repo.OpenObject(ctx, h)
}

// scrubMetrics are figures of the scrubber.
func scrubMetrics() (scrubbed prometheus.Counter) {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "lode_scrubbed_bytes_total", Help: "Bytes of sealed segments that the scrubber has read."})
}

var damagedSegments = prometheus.NewDesc("lode_damaged_segments", "Sealed segments of which the file on this node is damaged.", nil, nil)

// damagedGauge counts damaged segments when it is scraped.
type damagedGauge struct{ s *Server }

// Describe implements prometheus.Collector.
func (g damagedGauge) Describe(out chan<- *prometheus.Desc) { out <- damagedSegments }

// Collect implements prometheus.Collector.
func (g damagedGauge) Collect(out chan<- prometheus.Metric) {
	if !g.s.opened.Load() {
		return
	}
	if all, err := g.s.store.Damaged(); err == nil {
		out <- prometheus.MustNewConstMetric(damagedSegments, prometheus.GaugeValue, float64(len(all)))
	}
}
