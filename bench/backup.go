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
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

// What the backup run stores beside the texts of its data set, and how much it tries.
const (
	backupPoints = 60_000 // random vectors: enough for sealed segments and a growing one
	backupDim    = 512
	backupFlips  = 200 // damaged bytes
	backupRounds = 3   // backups of everything while searches run, each beside a quiet time
)

// Backup measures backups into a folder on the node's own disk: speed, what a second one
// writes, whether what is restored is the same, whether damage is refused, and how much
// slower searches are meanwhile. The data is a BEIR data set, whose queries are the searches,
// and random vectors.
func Backup(ctx context.Context, o Options) (*Report, error) {
	set, err := beir.Read(o.Data)
	if err != nil {
		return nil, err
	}
	r := NewReport("backup", "Backup and restore", o)
	err = temporary(func(dir string) error {
		run := &backupRun{
			Options: o, r: r, set: set, random: rand.New(rand.NewPCG(o.Seed, 0)), points: cmp.Or(o.Limit, backupPoints),
			data: filepath.Join(dir, "data"), online: filepath.Join(dir, "online"), offline: filepath.Join(dir, "offline"), restored: filepath.Join(dir, "restored"),
		}
		for _, step := range []func(context.Context) error{run.serve, run.stopped, run.damage} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

type backupRun struct {
	Options
	r      *Report
	set    *beir.Set
	random *rand.Rand
	points int
	// Folders: of the node, of the backups that it makes while it serves and of one that is
	// made when it is stopped, and of what is restored from that.
	data, online, offline, restored string
}

// serve fills a node and makes backups while it serves.
func (run *backupRun) serve(ctx context.Context) (err error) {
	node, err := server.Open(ctx, server.Config{
		DataDir: run.data, Listen: "127.0.0.1:0", Logger: run.Logger, Backup: server.BackupConfig{To: run.online},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	c, err := client.New(client.Options{BaseURL: node.URL()})
	if err != nil {
		return err
	}
	fmt.Fprintf(run.Log, "filling the node with %d texts and %d vectors\n", len(run.set.Docs), run.points)
	if err := ingestSet(ctx, c, run.set); err != nil {
		return err
	}
	if err := run.putPoints(ctx, c); err != nil {
		return err
	}
	if err := run.incremental(ctx, c); err != nil {
		return err
	}
	return run.searches(ctx, c)
}

const pointCollection = "vectors"

func (run *backupRun) putPoints(ctx context.Context, c *client.Client) error {
	_, err := c.CreateCollection(ctx, v1.CreateCollection{Name: pointCollection, Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: backupDim}})
	if err != nil {
		return err
	}
	const batch = 500
	for first := 0; first < run.points; first += batch {
		points := make([]v1.Point, min(batch, run.points-first))
		for i := range points {
			points[i] = v1.Point{ID: lode.DocID(fmt.Sprint("p", first+i)), Vector: make(lode.Vector, backupDim)}
			for d := range points[i].Vector {
				points[i].Vector[d] = float32(run.random.NormFloat64())
			}
		}
		results, err := c.PutVectors(ctx, pointCollection, points...)
		if err != nil {
			return err
		}
		for _, item := range results.Items {
			if item.Error != nil {
				return fmt.Errorf("vector %s: %s", item.ID, item.Error.Detail)
			}
		}
	}
	return nil
}

// incremental makes a first backup, one of the same, and one after a document has come.
func (run *backupRun) incremental(ctx context.Context, c *client.Client) error {
	for _, step := range []struct {
		name   string
		change func() error
	}{
		{"written by the first backup", func() error { return nil }},
		{"written when nothing changed", func() error { return nil }},
		{"written after one document of 1.2 KB more", func() error {
			return run.putText(ctx, c, "one more document of about a kilobyte")
		}},
	} {
		if err := step.change(); err != nil {
			return err
		}
		made, err := c.CreateBackup(ctx, false)
		if err != nil {
			return err
		}
		run.r.Add(step.name, float64(made.UploadedBytes)/1e6, "MB")
	}
	return nil
}

func (run *backupRun) putText(ctx context.Context, c *client.Client, text string) error {
	for len(text) < 1200 {
		text += " " + text
	}
	file := client.FileBytes("one-more", []byte(text[:1200]))
	file.MediaType = "text/plain"
	_, err := ingest(ctx, c, qualityCollection, []client.File{file}, func(id lode.DocID, e *v1.ItemError) {
		run.r.Raw["refused"] = string(id) + ": " + e.Detail
	})
	return err
}

// searches compares searches during backups of everything with as many in quiet.
func (run *backupRun) searches(ctx context.Context, c *client.Client) error {
	var quiet, busy, quietMedians, busyMedians, seconds []float64
	s := &searcher{c: c, set: run.set}
	if _, err := s.search(ctx, len(run.set.Queries)); err != nil { // warms caches, of the processor too
		return err
	}
	for round := range backupRounds {
		fmt.Fprintf(run.Log, "round %d of %d: searches during a backup, then in quiet\n", round+1, backupRounds)
		start := time.Now()
		during, err := s.searchBesideBackup(ctx)
		if err != nil {
			return err
		}
		seconds = append(seconds, time.Since(start).Seconds())
		after, err := s.search(ctx, len(during))
		if err != nil {
			return err
		}
		busy, quiet = append(busy, during...), append(quiet, after...)
		busyMedians, quietMedians = append(busyMedians, report.Median(during)), append(quietMedians, report.Median(after))
	}
	run.r.Add("search p50 in quiet", report.Median(quiet), "ms")
	run.r.Add("search p50 during a backup", report.Median(busy), "ms")
	run.r.Demand("search p50 during a backup, times quiet", report.Median(busy)/report.Median(quiet), "", "<=", 1.2)
	run.r.Add("searches during backups", float64(len(busy)), "")
	run.r.Add("backup of everything by a node that serves, median", report.Median(seconds), "s")
	run.r.Raw["search p50 in quiet by round, ms"], run.r.Raw["search p50 during a backup by round, ms"] = quietMedians, busyMedians
	run.r.Raw["seconds of a backup by round"] = seconds
	return nil
}

// searcher asks the queries of a data set one after another, over and over.
type searcher struct {
	c    *client.Client
	set  *beir.Set
	next int
}

// search returns how many milliseconds each of n searches took.
func (s *searcher) search(ctx context.Context, n int) (took []float64, err error) {
	for range n {
		k := 10
		q := s.set.Queries[s.next%len(s.set.Queries)]
		s.next++
		start := time.Now()
		if _, err := s.c.Retrieve(ctx, qualityCollection, v1.Retrieve{Text: q.Text, K: &k, Mode: lode.ModeHybrid}); err != nil {
			return nil, fmt.Errorf("query %s: %w", q.ID, err)
		}
		took = append(took, time.Since(start).Seconds()*1000)
	}
	return took, nil
}

// searchBesideBackup searches while a backup of everything is made.
func (s *searcher) searchBesideBackup(ctx context.Context) (took []float64, err error) {
	made := make(chan error, 1)
	go func() {
		_, err := s.c.CreateBackup(ctx, true)
		made <- err
	}()
	for {
		one, err := s.search(ctx, 1)
		if err != nil {
			return nil, errors.Join(err, <-made)
		}
		took = append(took, one...)
		select {
		case err := <-made:
			return took, err
		default:
		}
	}
}

// stopped backs the node up when it is stopped, at full speed, verifies and restores.
func (run *backupRun) stopped(ctx context.Context) error {
	repository, err := run.repository()
	if err != nil {
		return err
	}
	var want lode.Hash
	err = withStore(run.data, func(s *storage.Store) error {
		if want, err = s.StateHash(); err != nil {
			return err
		}
		return run.timed("create", func() (backup.Backup, error) { return repository.Create(ctx, s, backup.CreateOptions{}) })
	})
	if err != nil {
		return err
	}
	if err := run.timed("verify", func() (backup.Backup, error) { return repository.Verify(ctx, "") }); err != nil {
		return err
	}
	err = run.timed("restore", func() (backup.Backup, error) {
		restored, err := repository.Restore(ctx, "", run.restored, backup.RestoreOptions{})
		run.r.Data = fmt.Sprintf("%s, %d texts, and %d vectors of %d dimensions: %.1f MB in %d objects",
			filepath.Base(run.Options.Data), len(run.set.Docs), run.points, backupDim, float64(restored.Bytes)/1e6, restored.Objects)
		return restored.Backup, err
	})
	if err != nil {
		return err
	}
	return withStore(run.restored, func(s *storage.Store) error {
		got, err := s.StateHash()
		differs := 0.0
		if got != want {
			differs = 1
		}
		run.r.Demand("restored states with another logical hash", differs, "", "<=", 0)
		run.r.Raw["logical hash of the node"], run.r.Raw["logical hash of what was restored"] = want, got
		return err
	})
}

func (run *backupRun) repository() (*backup.Repository, error) {
	return backup.New(backup.NewFolder(run.offline, nil), backup.Options{})
}

// timed adds the speed of an operation on a whole backup.
func (run *backupRun) timed(what string, do func() (backup.Backup, error)) error {
	fmt.Fprintln(run.Log, what)
	start := time.Now()
	b, err := do()
	run.r.Add(what+" in a folder", float64(b.Bytes)/1e6/time.Since(start).Seconds(), "MB/s")
	return err
}

func withStore(dir string, f func(*storage.Store) error) error {
	s, err := storage.Open(dir, storage.Options{})
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// damage flips single bits of the repository, anywhere, and demands that each is refused: by
// verify, and by a restore, which makes no folder.
func (run *backupRun) damage(ctx context.Context) error {
	repository, err := run.repository()
	if err != nil {
		return err
	}
	paths, sizes, total, err := filesBelow(run.offline)
	if err != nil {
		return err
	}
	fmt.Fprintf(run.Log, "flipping %d of %d bytes\n", backupFlips, total)
	missed, restoresMissed, restores := 0, 0, 0
	for i := range backupFlips {
		at, file := run.random.Int64N(total), 0
		for at >= sizes[file] {
			at -= sizes[file]
			file++
		}
		bit := byte(1) << run.random.IntN(8)
		if err := flipBit(paths[file], at, bit); err != nil {
			return err
		}
		if _, err := repository.Verify(ctx, ""); !lode.IsCode(err, lode.CodeCorrupt) {
			missed++
		}
		if i%10 == 0 {
			restores++
			if !run.restoreRefuses(ctx, repository) {
				restoresMissed++
			}
		}
		if err := flipBit(paths[file], at, bit); err != nil {
			return err
		}
	}
	if _, err := repository.Verify(ctx, ""); err != nil {
		return fmt.Errorf("the backup is not whole after the flips were undone: %w", err)
	}
	run.r.Add("flipped bits", backupFlips, "")
	run.r.Demand("flipped bits that verify does not find", float64(missed), "", "<=", 0)
	run.r.Demand(fmt.Sprintf("flipped bits that one of %d restores does not find", restores), float64(restoresMissed), "", "<=", 0)
	return ctx.Err()
}

// restoreRefuses reports whether a restore finds the damage and leaves nothing.
func (run *backupRun) restoreRefuses(ctx context.Context, repository *backup.Repository) bool {
	dir := run.restored + "-damaged"
	_, err := repository.Restore(ctx, "", dir, backup.RestoreOptions{})
	_, statErr := os.Stat(dir)
	return lode.IsCode(err, lode.CodeCorrupt) && errors.Is(statErr, fs.ErrNotExist)
}

func filesBelow(dir string) (paths []string, sizes []int64, total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		paths, sizes, total = append(paths, path), append(sizes, info.Size()), total+info.Size()
		return nil
	})
	return paths, sizes, total, err
}

func flipBit(path string, at int64, bit byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	if err == nil {
		b[0] ^= bit
		_, err = f.WriteAt(b[:], at)
	}
	return errors.Join(err, f.Close())
}
