package server

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
)

// usageAge is how old the sizes of the data folder may be in a report.
const usageAge = time.Second

// Usage measures the node.
func (n node) Usage(ctx context.Context, p lode.Principal) (api.Usage, error) {
	s := n.s
	collections, err := s.engine.Usage(p)
	if err != nil {
		return api.Usage{}, err
	}
	room := s.room.state()
	resident, files, fileLimit := process()
	u := api.Usage{
		NodeID: s.store.NodeID(), Goroutines: runtime.NumGoroutine(), OpenFiles: files, FileLimit: fileLimit,
		Writes: v1.WriteState{Accepted: len(room.refusals) == 0 && s.log() != nil, Reasons: []v1.Reason{}},
		Memory: s.memory.usage(resident),
	}
	if s.log() == nil {
		u.Writes.Reasons = append(u.Writes.Reasons, v1.Reason{Name: "disk", Detail: waitingForRoom})
	}
	u.Writes.Reasons = append(u.Writes.Reasons, n.refusals()...)
	u.Memory.Collections = make([]v1.CollectionUsage, len(collections))
	for i, c := range collections {
		u.Memory.Collections[i] = v1.CollectionUsage{Name: c.Name, Rows: c.Rows, Dense: c.Dense, Lexical: c.Lexical, Graphs: c.Graphs, Words: c.Words}
		u.Memory.Indexes += c.Dense + c.Lexical + c.Sparse
	}
	work := s.pipeline.Stats()
	u.Requests = v1.RequestUsage{
		BodyLimit: s.uploads.limit, Bodies: s.uploads.held.Load(), Refused: s.uploads.refused.Load(), Waiting: work.Waiting, Running: work.Running,
	}
	u.Disk, err = s.diskUsage(ctx, room)
	return u, err
}

func (m *memory) usage(resident int64) v1.MemoryUsage {
	h := readHeap()
	return v1.MemoryUsage{
		Limit: m.limit, DataLimit: m.share, Data: max(h.Live-m.bodies.Load(), 0), Resident: resident, Heap: h.Objects,
	}
}

func (s *Server) diskUsage(ctx context.Context, room roomState) (v1.DiskUsage, error) {
	folder, err := s.folder.usage(ctx, usageAge)
	if err != nil {
		return v1.DiskUsage{}, err
	}
	held := min(room.held, folder.Other)
	return v1.DiskUsage{
		Limit: s.cfg.DiskLimitBytes, Used: folder.Total(), Files: folder.Files,
		Parts: v1.DiskParts{
			Catalogue: folder.Catalogue, Segments: folder.Segments, Blobs: folder.Blobs, Log: folder.Log, Snapshots: folder.Snapshots,
			Reserve: held, Other: folder.Other - held,
		},
		Free: room.space.Free, Total: room.space.Total, Reserve: room.reserve,
		Log: s.latencies.log.times(), Catalogue: s.latencies.catalogue.times(), FileSyncs: s.latencies.files.times(),
		CallLimit: s.cfg.DiskTimeout.Nanoseconds(),
	}, nil
}

func (l *latency) times() v1.CallTimes {
	p50, p99, n := l.quantiles()
	return v1.CallTimes{Calls: n, P50: p50.Nanoseconds(), P99: p99.Nanoseconds()}
}

// usageGauges are the figures of a report that an alarm needs, without those that cost a walk.
type usageGauges struct{ s *Server }

var (
	refusedDesc = prometheus.NewDesc("lode_writes_refused", "1 while writes that make the data grow are refused, by what has run out.", []string{"reason"}, nil)
	usageDescs  = map[string]*prometheus.Desc{
		"memory_limit": prometheus.NewDesc("lode_memory_limit_bytes", "Memory that the node keeps within; 0 is no limit.", nil, nil),
		"data":         prometheus.NewDesc("lode_memory_data_bytes", "Data held in memory, as the collector last saw it.", nil, nil),
		"data_limit":   prometheus.NewDesc("lode_memory_data_limit_bytes", "Share of the memory for data; 0 is no limit.", nil, nil),
		"bodies":       prometheus.NewDesc("lode_http_body_bytes", "Request bodies in memory.", nil, nil),
		"free":         prometheus.NewDesc("lode_disk_free_bytes", "Free on the file system of the data folder.", nil, nil),
		"reserve":      prometheus.NewDesc("lode_disk_reserve_bytes", "Part of the disk that data may not grow into.", nil, nil),
	}
	quantileDesc = prometheus.NewDesc("lode_disk_call_seconds", "Time within which calls on the disk stay, of the newest 1024.", []string{"call", "quantile"}, nil)
)

// Describe implements prometheus.Collector.
func (g usageGauges) Describe(out chan<- *prometheus.Desc) {
	out <- refusedDesc
	out <- quantileDesc
	for _, desc := range usageDescs {
		out <- desc
	}
}

// Collect implements prometheus.Collector. A node that is still opening has no values.
func (g usageGauges) Collect(out chan<- prometheus.Metric) {
	s := g.s
	if !s.opened.Load() {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	room := s.room.state()
	refused := map[string]float64{"disk": 0, "disk_limit": 0, "memory": 0}
	for _, r := range room.refusals {
		refused[r.what] = 1
	}
	for reason, value := range refused {
		gauge(refusedDesc, value, reason)
	}
	memory := s.memory.usage(0)
	for name, value := range map[string]int64{
		"memory_limit": memory.Limit, "data": memory.Data, "data_limit": memory.DataLimit,
		"bodies": s.uploads.held.Load(), "free": room.space.Free, "reserve": room.reserve,
	} {
		gauge(usageDescs[name], float64(value))
	}
	for call, l := range map[string]*latency{"log": &s.latencies.log, "catalogue": &s.latencies.catalogue, "file_sync": &s.latencies.files} {
		if p50, p99, n := l.quantiles(); n > 0 {
			gauge(quantileDesc, p50.Seconds(), call, "0.5")
			gauge(quantileDesc, p99.Seconds(), call, "0.99")
		}
	}
}
