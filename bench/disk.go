package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

const (
	diskPoints      = 50_000
	diskBatch       = 100
	diskCollections = 10_000
)

// Disk measures what a node keeps on its disk, and what it wrote on the way there: vectors
// with text, then the documents of a folder, each ingested and sealed; then how long a node
// with many collections takes to start.
func Disk(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("disk", "Disk space, bytes written and many collections", o)
	points := cmp.Or(o.Limit, diskPoints)
	if err := diskOfPoints(ctx, o, r, points); err != nil {
		return nil, err
	}
	if err := diskOfDocuments(ctx, o, r); err != nil {
		return nil, err
	}
	return r, manyCollections(ctx, o, r, min(cmp.Or(o.Limit, diskCollections), diskCollections))
}

// withDisk runs fill against a fresh node, seals the collection, has its graphs built, closes
// the node and reports its folder.
func withDisk(ctx context.Context, o Options, r *Report, what, collection string, fill func(*server.Server) (raw int64, err error)) error {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	before, err := bytesWritten()
	if err != nil {
		return err
	}
	node, err := server.Open(ctx, server.Config{DataDir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Logger: o.Logger})
	if err != nil {
		return err
	}
	raw, err := fill(node)
	if err == nil {
		_, err = node.Seal(ctx, lode.AllSeeing("bench"), collection)
	}
	if err == nil {
		_, err = node.Engine().BuildGraphs(ctx) // as the node's own task does
	}
	if err := errors.Join(err, node.Close()); err != nil {
		return err
	}
	syscall.Sync() // what is dirty is counted as written already, but not yet on the disk
	after, err := bytesWritten()
	if err != nil {
		return err
	}
	parts, total, err := folderBytes(filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	for name, size := range parts { // given up when the disk is full, and of one size for any data
		if strings.HasPrefix(name, "RESERVE") {
			total -= size
		}
	}
	r.Add(what+": vectors plus text", float64(raw)/1e6, "MB")
	r.Demand(what+": disk without the reserve by vectors plus text", float64(total)/float64(raw), "", "<=", 2)
	r.Demand(what+": bytes written by vectors plus text", float64(after-before)/float64(raw), "", "<=", 6)
	r.Raw[what+", bytes by part of the folder"] = parts
	return nil
}

func diskOfPoints(ctx context.Context, o Options, r *Report, n int) error {
	what := fmt.Sprintf("%d vectors of %d dimensions", n, writeDim)
	return withDisk(ctx, o, r, what, "points", func(node *server.Server) (raw int64, err error) {
		engine, me, rnd := node.Engine(), lode.AllSeeing("bench"), rand.New(rand.NewPCG(o.Seed, 0))
		settings := lode.Collection{Name: "points", Metric: lode.Cosine, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: writeDim}}
		if _, err := engine.CreateCollection(ctx, me, lode.Write{}, settings); err != nil {
			return 0, err
		}
		for first := 0; first < n; first += diskBatch {
			points := make([]lode.Point, min(diskBatch, n-first))
			for i := range points {
				points[i] = randomPoint(rnd)
				points[i].ID = lode.DocID(fmt.Sprintf("point-%d", first+i))
				raw += int64(4*len(points[i].Vector) + len(points[i].Text))
			}
			_, errs, err := engine.PutPoints(ctx, me, lode.Write{}, "points", points)
			if err := errors.Join(append(errs, err)...); err != nil {
				return raw, err
			}
			if first%10_000 == 0 {
				fmt.Fprintf(o.Log, "%d of %d vectors\n", first, n)
				if _, err := engine.SealDue(ctx); err != nil { // as the node's own task does
					return raw, err
				}
			}
		}
		return raw, nil
	})
}

// diskOfDocuments counts the text twice: as it was received, and as the passages that are
// embedded, with their vectors.
func diskOfDocuments(ctx context.Context, o Options, r *Report) error {
	files, received, err := documentFiles(o.Data)
	if err != nil {
		return err
	}
	what := "documents of " + filepath.Base(o.Data)
	return withDisk(ctx, o, r, what, ingestCollection, func(node *server.Server) (raw int64, err error) {
		c, err := client.New(client.Options{BaseURL: node.URL()})
		if err != nil {
			return 0, err
		}
		if _, _, _, err := ingestFolder(ctx, c, v1.CreateCollection{Name: ingestCollection}, files); err != nil {
			return 0, err
		}
		chunks, text := 0, int64(0)
		for item, err := range c.Documents(ctx, ingestCollection, client.DocumentPage{}) {
			if err != nil {
				return 0, err
			}
			passages, _, err := node.Engine().Chunks(ctx, lode.AllSeeing("bench"), ingestCollection, item.ID)
			if lode.IsCode(err, lode.CodeNotFound) {
				continue // in quarantine
			}
			if err != nil {
				return 0, err
			}
			chunks += len(passages)
			for i := range passages {
				text += int64(len(passages[i].Text))
			}
		}
		r.Add(what+": received", float64(received)/1e6, "MB")
		return received + text + int64(chunks)*4*int64(hashDim), nil
	})
}

// hashDim is the dimension of the default embedder's vectors.
const hashDim = 512

// manyCollections starts a node that holds many collections with a few rows each.
func manyCollections(ctx context.Context, o Options, r *Report, n int) (err error) {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := server.Config{DataDir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Logger: o.Logger}
	node, err := server.Open(ctx, config)
	if err != nil {
		return err
	}
	if err := errors.Join(fillCollections(ctx, o, node, n), node.Close()); err != nil {
		return err
	}
	var starts []float64
	for range 3 {
		start := time.Now()
		node, err := server.Open(ctx, config)
		if err != nil {
			return err
		}
		starts = append(starts, time.Since(start).Seconds())
		if err := node.Close(); err != nil {
			return err
		}
	}
	r.Demand(fmt.Sprintf("start with %d collections of 3 vectors each, median of 3", n), report.Median(starts), "s", "<=", 5)
	_, total, err := folderBytes(config.DataDir)
	r.Add(fmt.Sprintf("disk of %d collections", n), float64(total)/1e6, "MB")
	return err
}

func fillCollections(ctx context.Context, o Options, node *server.Server, n int) error {
	engine, me, rnd := node.Engine(), lode.AllSeeing("bench"), rand.New(rand.NewPCG(o.Seed, 1))
	for i := range n {
		name := fmt.Sprintf("c%d", i)
		settings := lode.Collection{Name: name, Metric: lode.Cosine, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 8}}
		if _, err := engine.CreateCollection(ctx, me, lode.Write{}, settings); err != nil {
			return err
		}
		points := make([]lode.Point, 3)
		for j := range points {
			v := make(lode.Vector, 8)
			for k := range v {
				v[k] = float32(rnd.NormFloat64())
			}
			points[j] = lode.Point{ID: lode.DocID(fmt.Sprint(j)), Vector: v, Text: "some text"}
		}
		_, errs, err := engine.PutPoints(ctx, me, lode.Write{}, name, points)
		if err := errors.Join(append(errs, err)...); err != nil {
			return err
		}
		if i%1000 == 0 {
			fmt.Fprintf(o.Log, "%d of %d collections\n", i, n)
		}
	}
	return nil
}

// bytesWritten is what this process has caused to be written to disks.
func bytesWritten() (n int64, err error) {
	n, err = strconv.ParseInt(report.ProcField("/proc/self/io", "write_bytes"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("write_bytes of /proc/self/io: %w", err)
	}
	return n, nil
}

// folderBytes adds up what the files of a folder take on the disk, in all and by the first
// part of their path.
func folderBytes(dir string) (parts map[string]int64, total int64, err error) {
	parts = map[string]int64{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		size := info.Sys().(*syscall.Stat_t).Blocks * 512
		total += size
		first, _, _ := strings.Cut(name, string(filepath.Separator))
		parts[first] += size
		return nil
	})
	return parts, total, err
}
