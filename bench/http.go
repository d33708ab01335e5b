package bench

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

// Neighbours is a data set of nearest neighbours, on which searches over HTTP are measured.
type Neighbours struct {
	Name    string
	Metric  lode.Metric
	Rows    []lode.Vector
	Queries []lode.Vector
	// Recall is the share of the k nearest rows that the answers hold; there is one for each
	// query, of numbers of rows.
	Recall func(answers [][]uint32, k int) float64
}

const (
	httpK          = 10
	httpCollection = "vectors"
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
func HTTP(ctx context.Context, o Options, d Neighbours) (*Report, error) {
	if len(d.Rows) == 0 || len(d.Queries) == 0 {
		return nil, lode.Invalid("dataset", d.Name, "the data set has %d rows and %d queries", len(d.Rows), len(d.Queries))
	}
	r := NewReport("http", "Searches for vectors over HTTP", o)
	r.Data = fmt.Sprintf("%s: %d vectors of %d dimensions, %d queries, %s, k = %d, %d rounds of %s for each way, in turns",
		d.Name, len(d.Rows), len(d.Rows[0]), len(d.Queries), d.Metric, httpK, cmp.Or(o.Limit, httpRounds), httpRoundTime)
	closeLog, err := o.logAsServed()
	if err != nil {
		return nil, err
	}
	defer closeLog()
	err = withNode(ctx, o, func(node *server.Server, c *client.Client) error {
		if err := loadNeighbours(ctx, o, r, c, d); err != nil {
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
		for _, clients := range []int{1, 4} {
			if err := measureClients(ctx, o, r, ways, clients); err != nil {
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

// measureClients runs every way in turns and reports it.
func measureClients(ctx context.Context, o Options, r *Report, ways []*way, clients int) error {
	rounds := map[string][]searchRound{}
	for i := range cmp.Or(o.Limit, httpRounds) {
		for _, w := range ways {
			round, err := w.run(ctx, clients, i)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			rounds[w.name] = append(rounds[w.name], round)
			fmt.Fprintf(o.Log, "%d clients, round %d, %s: %.0f/s, p50 %.0f us, p99 %.0f us\n", clients, i+1, w.name, round.PerSecond, round.P50, round.P99)
		}
	}
	reportClients(r, ways, rounds, clients)
	return nil
}

func reportClients(r *Report, ways []*way, rounds map[string][]searchRound, clients int) {
	title := fmt.Sprintf("%d clients", clients)
	if clients == 1 {
		title = "1 client"
	}
	for _, w := range ways {
		of := func(value func(searchRound) float64) float64 { return medianOf(rounds[w.name], value) }
		name := title + ", " + w.name
		r.Add(name+": p50", of(func(s searchRound) float64 { return s.P50 }), "us")
		r.Add(name+": p95", of(func(s searchRound) float64 { return s.P95 }), "us")
		r.Add(name+": p99", of(func(s searchRound) float64 { return s.P99 }), "us")
		qps := of(func(s searchRound) float64 { return s.PerSecond })
		if !w.demanded {
			r.Add(name+": queries", qps, "/s")
		} else {
			r.Demand(name+": queries", qps, "/s", ">=", peerTimes*peerQPS[clients])
		}
		if bare := w.bare; bare != nil && clients == 1 {
			var ratios []float64
			for i, round := range rounds[w.name] {
				ratios = append(ratios, round.P50/(rounds[bare.name][i].P50+rounds[inProcess][i].P50))
			}
			r.reportRatio(w, name+": p50 by that of the bare handler and the search in the process", ratios)
		}
		r.Raw[name] = rounds[w.name]
	}
}

func (r *Report) reportRatio(w *way, name string, ratios []float64) {
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
