package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

const (
	openRounds   = 5
	openPatience = 10 * time.Minute
	openPause    = 500 * time.Microsecond // between two tries
)

// open measures from the start of a process on many vectors until its first right answer.
func (s *segmentsRun) open(ctx context.Context) error {
	set, err := s.Draw(s.Rows, 1)
	if err != nil {
		return err
	}
	return temporary(func(dir string) error {
		segments, err := s.fillFolder(ctx, dir, set)
		if err != nil {
			return err
		}
		s.about("%d vectors of %d dimensions without text in %d segments, the page cache warm", len(set.Rows), SegmentsDim, segments)
		before, err := graphFiles(dir)
		if err != nil {
			return err
		}
		rounds, err := s.openRounds(ctx, dir, set)
		if err != nil {
			return err
		}
		after, err := graphFiles(dir)
		if err != nil {
			return err
		}
		s.reportOpen(rounds, changedFiles(before, after))
		return nil
	})
}

// fillFolder loads, seals and builds graphs with a node of the default settings.
func (s *segmentsRun) fillFolder(ctx context.Context, dir string, set *VectorSet) (segments int, err error) {
	start := time.Now()
	node, err := server.Open(ctx, server.Config{DataDir: dir, Listen: "127.0.0.1:0", GraphRows: s.GraphRows, Logger: s.Logger})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	if err := s.fillEngine(ctx, node, set); err != nil {
		return 0, err
	}
	loaded := time.Since(start)
	if segments, err = sealEngine(ctx, node, s.GraphRows); err != nil {
		return 0, err
	}
	r := s.report
	r.Add("open: vectors", float64(len(set.Rows)), "")
	r.Add("open: segments", float64(segments), "")
	r.Add("open: loading all vectors", loaded.Seconds(), "s")
	r.Add("open: until all are sealed and have their graphs", time.Since(start).Seconds(), "s")
	return segments, nil
}

// openRound is one start, in milliseconds since the process was started.
type openRound struct {
	Listening float64 `json:"listening_ms"`
	Answer    float64 `json:"answer_ms"`
	Second    float64 `json:"second_answer_ms"` // from sending another question to its answer
	Resident  float64 `json:"resident_mb"`
}

// openRounds starts and stops the node. The first round warms the page cache and does not count.
func (s *segmentsRun) openRounds(ctx context.Context, dir string, set *VectorSet) ([]openRound, error) {
	rnd := rand.New(rand.NewPCG(s.Seed, 7))
	var rounds []openRound
	for n := range 1 + cmp.Or(s.Limit, openRounds) {
		round, err := s.openOnce(ctx, dir, set, rnd)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			rounds = append(rounds, round)
		}
		s.logf("start %d: listening after %.1f ms, answers after %.1f ms", n, round.Listening, round.Answer)
	}
	return rounds, nil
}

// openOnce starts the node and asks for a stored vector, which is right when it comes first,
// until there is an answer. Then every segment must have its graph, and the node must stop in
// order.
func (s *segmentsRun) openOnce(ctx context.Context, dir string, set *VectorSet, rnd *rand.Rand) (round openRound, err error) {
	address, err := freeAddress()
	if err != nil {
		return round, err
	}
	c, err := ownClient("http://" + address)
	if err != nil {
		return round, err
	}
	row := rnd.IntN(len(set.Rows))
	start := time.Now()
	p, _, err := spawn(ctx, s.Binary, dir, address, "--graph-rows", fmt.Sprint(s.GraphRows))
	if err != nil {
		return round, err
	}
	defer p.kill()
	for {
		hits, err := nearest(ctx, c, set.Rows[row], segmentK)
		took := milliseconds(time.Since(start))
		if round.Listening == 0 && !errors.Is(err, syscall.ECONNREFUSED) {
			round.Listening = took
		}
		if err == nil {
			round.Answer = took
			if err := mustBeFirst(hits, row); err != nil {
				return round, err
			}
			break
		}
		if time.Since(start) > openPatience || ctx.Err() != nil {
			return round, fmt.Errorf("no answer after %s: %w: %s", openPatience, err, p.log)
		}
		time.Sleep(openPause)
	}
	again := time.Now()
	if _, err := nearest(ctx, c, set.Rows[rnd.IntN(len(set.Rows))], segmentK); err != nil {
		return round, err
	}
	round.Second = milliseconds(time.Since(again))
	if round.Resident, err = p.residentMB(); err != nil {
		return round, err
	}
	return round, errors.Join(s.allHaveGraphs(ctx, c), p.stop())
}

// allHaveGraphs refuses a node that searches sealed segments without their graphs.
func (s *segmentsRun) allHaveGraphs(ctx context.Context, c *client.Client) error {
	all, err := c.ListSegments(ctx, segmentCollection)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.Rows >= s.GraphRows && g.Graph == 0 {
			return fmt.Errorf("segment %d of %d rows came back without its graph", g.ID, g.Rows)
		}
	}
	return nil
}

func (s *segmentsRun) reportOpen(rounds []openRound, rebuilt int) {
	of := func(value func(openRound) float64) float64 {
		var all []float64
		for _, round := range rounds {
			all = append(all, value(round))
		}
		return report.Median(all)
	}
	r := s.report
	r.Add("open: listening, median", of(func(r openRound) float64 { return r.Listening }), "ms")
	r.Demand(fmt.Sprintf("open: first right answer over HTTP, median of %d starts", len(rounds)), of(func(r openRound) float64 { return r.Answer }), "ms", "<=", 200)
	r.Add("open: the answer after the first, median", of(func(r openRound) float64 { return r.Second }), "ms")
	r.Add("open: resident after two answers, median", of(func(r openRound) float64 { return r.Resident }), "MB")
	r.Demand("open: graphs built anew by all starts", float64(rebuilt), "", "<=", 0)
	r.Raw["open"] = rounds
}

// wordsSuffix ends the name of the words of a segment, which are no graph.
const wordsSuffix = ".words.index"

// graphFiles are the graphs of a folder.
func graphFiles(dir string) (map[string]fs.FileInfo, error) {
	files, err := segmentFiles(dir, "*.index")
	maps.DeleteFunc(files, func(path string, _ fs.FileInfo) bool { return strings.HasSuffix(path, wordsSuffix) })
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there are no graphs")
	}
	return files, err
}

// segmentFiles are files of segments with what tells one that was written since.
func segmentFiles(dir, pattern string) (map[string]fs.FileInfo, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "segments", pattern))
	if err != nil {
		return nil, err
	}
	files := map[string]fs.FileInfo{}
	for _, path := range paths {
		if files[path], err = os.Stat(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// changedFiles counts the files that are new, gone or not what they were.
func changedFiles(before, after map[string]fs.FileInfo) (changed int) {
	for path, old := range before {
		now := after[path]
		if now == nil || isOther(old, now) {
			changed++
		}
	}
	for path := range after {
		if before[path] == nil {
			changed++
		}
	}
	return changed
}

func isOther(old, now fs.FileInfo) bool {
	return !os.SameFile(old, now) || !old.ModTime().Equal(now.ModTime()) || old.Size() != now.Size()
}

// freeAddress finds a port that nobody has: the harness must know it before the node listens.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
