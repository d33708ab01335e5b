package bench

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

const (
	httpK          = 10
	httpCollection = "vectors"
	// oneSegment keeps all rows in one segment, so that each search is of one graph, as it is of
	// the peer's.
	oneSegment = 4 << 30
	// ratioAsked bounds an answer over HTTP by the bare handler and the search in the process.
	ratioAsked = 1.3
	// peerTimes is how many times the queries per second of a peer are asked for.
	peerTimes = 5
)

// peerQPS are the queries per second of Weaviate 1.39 over gRPC on sift128 at recall 0.958 (ef
// 40), by clients, measured on a machine of this kind: 2 cores, clients beside the server.
var peerQPS = map[int]float64{1: 1234, 4: 2844}

// HTTP measures searches for vectors over HTTP, one client and four with connections that
// stay: in turns with a bare net/http handler that reads and writes the same bytes, and with
// the same searches in the process.
func HTTP(ctx context.Context, o Options, d *VectorSet) (*Report, error) {
	if len(d.Rows) == 0 || len(d.Queries) == 0 {
		return nil, lode.Invalid("dataset", d.Name, "the data set has %d rows and %d queries", len(d.Rows), len(d.Queries))
	}
	r := NewReport("http", "Searches for vectors over HTTP", o)
	r.Data = fmt.Sprintf("%s: %d vectors of %d dimensions, %d queries, %s, k = %d, %d rounds of %s for each way, in turns; one segment",
		d.Name, len(d.Rows), len(d.Rows[0]), len(d.Queries), d.Metric, httpK, cmp.Or(o.Limit, httpRounds), httpRoundTime)
	closeLog, err := o.logAsServed()
	if err != nil {
		return nil, err
	}
	defer closeLog()
	config := server.Config{Logger: o.Logger, SegmentBytes: oneSegment}
	err = withNodeAs(ctx, config, func(node *server.Server, c *client.Client) error {
		if err := loadSet(ctx, o, r, c, d); err != nil {
			return err
		}
		ways, closeBare, err := httpWays(ctx, node, c, d)
		if err != nil {
			return err
		}
		defer closeBare()
		for _, w := range ways {
			if w.answer == nil {
				continue
			}
			recall, err := w.recall(d)
			if err != nil {
				return err
			}
			r.Add(w.name+": recall@10", recall, "")
		}
		for _, m := range []load{{clients: 1}, {clients: 1, cores: 1}, {clients: 4}} {
			if err := m.measure(ctx, o, r, ways); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

// logAsServed gives the node a log as `lode serve` has one, of requests too, that goes nowhere:
// what logging costs is part of an answer.
func (o *Options) logAsServed() (done func(), err error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	o.Logger = slog.New(slog.NewTextHandler(null, nil))
	return func() { _ = null.Close() }, nil
}

// load is how the ways are asked. On one core no thread waits for another one to be woken,
// which on some machines takes longer than a search.
type load struct{ clients, cores int }

func (l load) title() string {
	switch {
	case l.cores == 1:
		return "1 client on one core"
	case l.clients == 1:
		return "1 client"
	}
	return fmt.Sprintf("%d clients", l.clients)
}

// measure runs every way in turns and reports it.
func (l load) measure(ctx context.Context, o Options, r *Report, ways []*way) error {
	if l.cores > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(l.cores))
	}
	rounds := map[string][]searchRound{}
	for i := range cmp.Or(o.Limit, httpRounds) {
		for _, w := range ways {
			round, err := w.run(ctx, l.clients, i)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			rounds[w.name] = append(rounds[w.name], round)
			fmt.Fprintf(o.Log, "%s, round %d, %s: %.0f/s, p50 %.0f us, p99 %.0f us\n", l.title(), i+1, w.name, round.PerSecond, round.P50, round.P99)
		}
	}
	for _, w := range ways {
		l.report(r, w, rounds)
	}
	return nil
}

func (l load) report(r *Report, w *way, rounds map[string][]searchRound) {
	of := func(value func(searchRound) float64) float64 { return medianOf(rounds[w.name], value) }
	name := l.title() + ", " + w.name
	r.Add(name+": p50", of(func(s searchRound) float64 { return s.P50 }), "us")
	r.Add(name+": p95", of(func(s searchRound) float64 { return s.P95 }), "us")
	r.Add(name+": p99", of(func(s searchRound) float64 { return s.P99 }), "us")
	qps := of(func(s searchRound) float64 { return s.PerSecond })
	if w.demanded && l.cores == 0 {
		r.Demand(name+": queries", qps, "/s", ">=", peerTimes*peerQPS[l.clients])
	} else {
		r.Add(name+": queries", qps, "/s")
	}
	r.Raw[name] = rounds[w.name]
	if w.bare == nil || l.clients > 1 {
		return
	}
	var sums, floors []float64
	for i, round := range rounds[w.name] {
		sums = append(sums, round.P50/(rounds[w.bare.name][i].P50+rounds[inProcess][i].P50))
		floors = append(floors, round.P50/rounds[w.floor.name][i].P50)
	}
	r.ratio(w, name+": p50 by those of the bare handler and of the search in the process together", sums)
	r.ratio(w, name+": p50 by that of the bare handler that searches", floors)
}

func (r *Report) ratio(w *way, name string, ratios []float64) {
	if w.demanded {
		r.Demand(name, report.Median(ratios), "x", "<=", ratioAsked)
		return
	}
	r.Add(name, report.Median(ratios), "x")
}

func medianOf(rounds []searchRound, value func(searchRound) float64) float64 {
	var all []float64
	for _, round := range rounds {
		all = append(all, value(round))
	}
	return report.Median(all)
}
