package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/server"
)

// The write that is measured: one vector with a short text and some metadata.
const (
	writeDim       = 768
	writeTextWords = 20
	writeRounds    = 41 // short ones, so that what else the machine does meets both sides
	writeRoundTime = 300 * time.Millisecond
	// writePause is about what a node works between two syncs of its log. A disk that idles as
	// long answers its next sync later, whoever asks.
	writePause = 100 * time.Microsecond
)

// Writes compares acknowledged writes of one vector each with appends of equal bytes to the
// bare log store, on the same disk, in turns. An acknowledged write is in the log, applied,
// and found by the next search.
func Writes(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("writes", "Writes of single vectors against the bare log store", o)
	r.Data = fmt.Sprintf("random vectors of %d dimensions with %d words of text, %.1f s a round, %d rounds in turns", writeDim, writeTextWords, writeRoundTime.Seconds(), cmp.Or(o.Limit, writeRounds))
	err := withNode(ctx, o, func(node *server.Server, _ *client.Client) error {
		for _, writers := range []int{1, 8} {
			if err := measureWriters(ctx, o, r, node, writers); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

// writeRound is what one round measured.
type writeRound struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
}

func measureWriters(ctx context.Context, o Options, r *Report, node *server.Server, writers int) error {
	name := fmt.Sprintf("writes-%d", writers)
	engine, me := node.Engine(), lode.AllSeeing("bench")
	settings := lode.Collection{Name: name, Metric: lode.Cosine, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: writeDim}}
	if _, err := engine.CreateCollection(ctx, me, lode.Write{}, settings); err != nil {
		return err
	}
	bare, closeBare, err := openBare()
	if err != nil {
		return err
	}
	defer closeBare()
	var turn sync.Mutex // the log store takes one append at a time
	entry := make([]byte, entryBytes())
	appendOne := func(int, *rand.Rand) error {
		turn.Lock()
		defer turn.Unlock()
		return bare.Append(entry)
	}
	pool := randomPoints(rand.New(rand.NewPCG(o.Seed, uint64(writers))))
	put := func(n int, rnd *rand.Rand) error {
		p := pool[rnd.IntN(len(pool))]
		p.ID = lode.DocID(fmt.Sprintf("p%d", n))
		_, errs, err := engine.PutPoints(ctx, me, lode.Write{}, name, []lode.Point{p})
		return errors.Join(append(errs, err)...)
	}
	var logs, paused, nodes []writeRound
	for round := range cmp.Or(o.Limit, writeRounds) {
		w := writing{writers: writers, round: round, seed: o.Seed}
		log, err := w.run(ctx, appendOne)
		if err != nil {
			return err
		}
		written, err := w.run(ctx, put)
		if err != nil {
			return err
		}
		if writers == 1 {
			w.pause = writePause
			idling, err := w.run(ctx, appendOne)
			if err != nil {
				return err
			}
			paused = append(paused, idling)
		}
		logs, nodes = append(logs, log), append(nodes, written)
		fmt.Fprintf(o.Log, "%d writers, round %d: log %.0f/s p99 %.0f us, node %.0f/s p99 %.0f us\n",
			writers, round+1, log.PerSecond, log.P99, written.PerSecond, written.P99)
	}
	reportWriters(r, writers, logs, paused, nodes)
	return nil
}

func reportWriters(r *Report, writers int, logs, paused, nodes []writeRound) {
	title := fmt.Sprintf("%d writers", writers)
	if writers == 1 {
		title = "1 writer"
	}
	of := func(rounds []writeRound, value func(writeRound) float64) float64 {
		var all []float64
		for _, round := range rounds {
			all = append(all, value(round))
		}
		return report.Median(all)
	}
	perSecond := func(w writeRound) float64 { return w.PerSecond }
	p50 := func(w writeRound) float64 { return w.P50 }
	p99 := func(w writeRound) float64 { return w.P99 }
	r.Add(title+": appends to the bare log", of(logs, perSecond), "/s")
	r.Add(title+": acknowledged writes", of(nodes, perSecond), "/s")
	r.Add(title+": p50 of an append", of(logs, p50), "us")
	if len(paused) > 0 {
		r.Add(title+": p50 of an append, 0.1 ms after the one before", of(paused, p50), "us")
		r.Raw[title+", bare log with pauses"] = paused
	}
	r.Add(title+": p50 of a write", of(nodes, p50), "us")
	r.Add(title+": p99 of an append", of(logs, p99), "us")
	r.Add(title+": p99 of a write", of(nodes, p99), "us")
	var rates, tails []float64
	for i := range logs {
		rates = append(rates, 100*nodes[i].PerSecond/logs[i].PerSecond)
		tails = append(tails, 100*logs[i].P99/nodes[i].P99)
	}
	r.Demand(title+": throughput of the bare log's, median of rounds", report.Median(rates), "%", ">=", 70)
	r.Demand(title+": p99 of the bare log's by that of a write, median of rounds", report.Median(tails), "%", ">=", 70)
	r.Raw[title+", bare log"], r.Raw[title+", node"] = logs, nodes
}

// openBare opens a log store beside the folders of the nodes.
func openBare() (log *raft.BareLog, closeAll func(), err error) {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return nil, nil, err
	}
	if log, err = raft.OpenBareLog(filepath.Join(dir, "log")); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return log, func() { _ = errors.Join(log.Close(), os.RemoveAll(dir)) }, nil
}

// entryBytes is about the length of the log entry of a write.
func entryBytes() int { return 4*writeDim + 8*writeTextWords + 150 }

// writing is a round of writers that write, each with a pause between its writes.
type writing struct {
	writers, round int
	pause          time.Duration
	seed           uint64
}

// run lets the writers write for a time and measures every write.
func (w writing) run(ctx context.Context, write func(n int, rnd *rand.Rand) error) (writeRound, error) {
	took := make([][]time.Duration, w.writers)
	errs := make([]error, w.writers)
	var all sync.WaitGroup
	start := time.Now()
	for i := range w.writers {
		all.Go(func() {
			number := w.round*w.writers + i
			rnd := rand.New(rand.NewPCG(w.seed, uint64(number)))
			for n := 0; time.Since(start) < writeRoundTime && ctx.Err() == nil && errs[i] == nil; n++ {
				before := time.Now()
				for time.Since(before) < w.pause { // busy, as a node is
				}
				before = time.Now()
				errs[i] = write(number*1_000_000+n, rnd)
				took[i] = append(took[i], time.Since(before))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return writeRound{}, err
	}
	each := slices.Concat(took...)
	slices.Sort(each)
	at := func(q float64) float64 { return float64(each[int(q*float64(len(each)-1))].Nanoseconds()) / 1e3 }
	return writeRound{PerSecond: float64(len(each)) / elapsed.Seconds(), P50: at(0.5), P99: at(0.99)}, nil
}

// randomPoints are made before anything is timed: what clients do is not the node's cost.
func randomPoints(rnd *rand.Rand) []lode.Point {
	points := make([]lode.Point, 2000)
	for i := range points {
		points[i] = randomPoint(rnd)
	}
	return points
}

func randomPoint(rnd *rand.Rand) lode.Point {
	v := make(lode.Vector, writeDim)
	for i := range v {
		v[i] = float32(rnd.NormFloat64())
	}
	words := make([]string, writeTextWords)
	for i := range words {
		words[i] = fmt.Sprintf("word%d", rnd.IntN(5000))
	}
	return lode.Point{
		Vector: v, Text: strings.Join(words, " "),
		Metadata: lode.Metadata{"year": lode.IntegerValue(int64(1990 + rnd.IntN(40))), "kind": lode.StringValue("bench")},
	}
}
