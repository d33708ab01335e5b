package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/server"
	"github.com/lodedb/lode/storage"
)

const (
	plantedFlips = 1000
	flipPoints   = 6000 // in three segments, of which two are merged
	flipChecks   = 10   // every so many flips, the checker reads everything
)

// Flips flips single bits of sealed segments, anywhere, in a store that is open: reads give the
// right value or an error, scrubber and checker find each, the scrubber mends it.
func Flips(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("flips", "Damage in segments", o)
	err := temporary(func(dir string) error {
		run := &flipRun{Options: o, r: r, random: rand.New(rand.NewPCG(o.Seed, 0)), dir: dir, pristine: map[lode.Hash][]byte{}}
		if err := run.fill(ctx); err != nil {
			return err
		}
		return withStore(dir, func(s *storage.Store) error {
			run.s = s
			for _, step := range []func(context.Context) error{run.merge, run.learn, run.plant} {
				if err := step(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return r, err
}

type flipRun struct {
	Options
	r      *Report
	random *rand.Rand
	dir    string
	s      *storage.Store

	collection lode.CollectionID
	values     map[lode.ChunkID]string
	files      []storage.Segment
	pristine   map[lode.Hash][]byte
	total      int64

	wrong, refused, unseen, unchecked, unmended int
}

// fill makes three sealed segments.
func (run *flipRun) fill(ctx context.Context) (err error) {
	node, err := server.Open(ctx, server.Config{DataDir: run.dir, Listen: "127.0.0.1:0", Logger: run.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	engine, me := node.Engine(), lode.AllSeeing("bench")
	settings := lode.Collection{Name: "points", Metric: lode.Cosine, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: writeDim}}
	if _, err := engine.CreateCollection(ctx, me, lode.Write{}, settings); err != nil {
		return err
	}
	for part := range 3 {
		points := make([]lode.Point, flipPoints/3)
		for i := range points {
			points[i] = randomPoint(run.random)
			points[i].ID = lode.DocID(fmt.Sprintf("point-%d-%d", part, i))
		}
		_, errs, err := engine.PutPoints(ctx, me, lode.Write{}, "points", points)
		if err := errors.Join(append(errs, err)...); err != nil {
			return err
		}
		if _, err := engine.Seal(ctx, me, "points"); err != nil {
			return err
		}
	}
	return nil
}

// merge makes one of the segments a merged one.
func (run *flipRun) merge(ctx context.Context) error {
	apply := func(fn func(*storage.Tx) error) error {
		at := run.s.Applied()
		return run.s.Update(storage.Applied{Index: at.Index + 1, Term: at.Term}, fn)
	}
	var id lode.SegmentID
	err := apply(func(t *storage.Tx) error {
		c, err := t.CollectionByName("points")
		if err != nil {
			return err
		}
		run.collection = c.ID
		all, err := t.Segments(c.ID)
		if err != nil || len(all) != 3 {
			return fmt.Errorf("%d segments: %w", len(all), err)
		}
		id, err = t.Merge(c.ID, []lode.SegmentID{all[0].ID, all[1].ID})
		return err
	})
	if err != nil {
		return err
	}
	built, release, err := run.s.BuildSegment(ctx, run.collection, id)
	if err != nil {
		return err
	}
	defer release()
	err = apply(func(t *storage.Tx) error { return t.PutSealed(run.collection, id, built.Hash, built.Bytes) })
	return errors.Join(err, run.s.Flush())
}

// learn reads everything as it must stay.
func (run *flipRun) learn(ctx context.Context) (err error) {
	run.values = map[lode.ChunkID]string{}
	err = run.read(func(v string, s *lode.StagedChunk, err error) error {
		if err == nil {
			run.values[s.Chunk.ID] = v
		}
		return err
	})
	if err != nil {
		return err
	}
	err = run.s.View(func(t *storage.Tx) (err error) {
		run.files, err = t.Segments(run.collection)
		return err
	})
	for _, s := range run.files {
		content, readErr := os.ReadFile(run.path(s.Hash))
		err = errors.Join(err, readErr)
		run.pristine[s.Hash] = content
		run.total += int64(len(content))
	}
	run.r.Data = fmt.Sprintf("%d random vectors of %d dimensions with texts: %.1f MB in a segment that grew and one that was merged",
		len(run.values), writeDim, float64(run.total)/1e6)
	return err
}

func (run *flipRun) path(h lode.Hash) string {
	return filepath.Join(run.dir, "segments", h.String()+".segment")
}

// read calls fn for every row, or for why it is refused.
func (run *flipRun) read(fn func(value string, s *lode.StagedChunk, err error) error) error {
	return run.s.View(func(t *storage.Tx) error {
		return t.Documents(run.collection, 0, func(d *lode.Document) (bool, error) {
			v, err := t.Version(run.collection, d.No, d.Current)
			if err != nil {
				return false, err
			}
			for i := range v.Chunks {
				value := ""
				s, err := t.Chunk(run.collection, v, uint32(i))
				if err == nil {
					value = s.Chunk.Text + string(s.Vector)
				}
				if err := fn(value, s, err); err != nil {
					return false, err
				}
			}
			return true, nil
		})
	})
}

// plant flips, one bit at a time.
func (run *flipRun) plant(ctx context.Context) error {
	flips := cmp.Or(run.Limit, plantedFlips)
	start := time.Now()
	for i := range flips {
		if err := run.flip(ctx, i%flipChecks == 0); err != nil {
			return err
		}
		if (i+1)%100 == 0 {
			fmt.Fprintf(run.Log, "%d of %d bits flipped and mended, %.0f s\n", i+1, flips, time.Since(start).Seconds())
		}
	}
	run.r.Add("flipped bits", float64(flips), "")
	run.r.Add("flipped bits that reads met", float64(run.refused), "")
	run.r.Demand("rows and vectors that were read wrong", float64(run.wrong), "", "<=", 0)
	run.r.Demand("flipped bits that the scrubber does not find", float64(run.unseen), "", "<=", 0)
	run.r.Demand(fmt.Sprintf("flipped bits that one of %d checks does not find", (flips+flipChecks-1)/flipChecks), float64(run.unchecked), "", "<=", 0)
	run.r.Demand("flipped bits that the scrubber does not mend", float64(run.unmended), "", "<=", 0)
	return nil
}

func (run *flipRun) flip(ctx context.Context, check bool) error {
	at, file := run.random.Int64N(run.total), 0
	for at >= run.files[file].FileBytes {
		at, file = at-run.files[file].FileBytes, file+1
	}
	if err := flipBit(run.path(run.files[file].Hash), at, 1<<run.random.IntN(8)); err != nil {
		return err
	}
	met, err := run.compare(&run.files[file])
	if err != nil {
		return err
	}
	if met {
		run.refused++
	}
	if check {
		found := false
		if err := run.s.Check(ctx, func(b storage.Breach) { found = found || !b.Benign }); err != nil {
			return err
		}
		if !found {
			run.unchecked++
		}
	}
	return run.scrub(ctx)
}

// compare reads every row and every vector.
func (run *flipRun) compare(s *storage.Segment) (met bool, err error) {
	err = run.read(func(v string, s *lode.StagedChunk, err error) error {
		switch {
		case lode.IsCode(err, lode.CodeCorrupt):
			met = true
		case err != nil:
			return err
		case v != run.values[s.Chunk.ID]:
			run.wrong++
		}
		return nil
	})
	if err != nil {
		return met, err
	}
	rows, err := run.s.MapSealed(run.collection, s.ID)
	if lode.IsCode(err, lode.CodeCorrupt) {
		return true, nil
	}
	if err != nil {
		return met, err
	}
	const head = 64
	vectors, whole, size := rows.Vectors(), run.pristine[s.Hash][head:], 4*rows.Dim
	for row := range rows.Rows {
		if rows.Check(row) != nil {
			met = true
		} else if !bytes.Equal(vectors[row*size:][:size], whole[row*size:][:size]) {
			run.wrong++
		}
	}
	return met, nil
}

// scrub finds what was flipped, and mends it.
func (run *flipRun) scrub(ctx context.Context) error {
	round, err := run.s.Scrub(ctx, storage.ScrubOptions{
		BytesPerSecond: 1 << 40,
		Fetch: func(_ context.Context, h lode.Hash) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(run.pristine[h])), nil
		},
	})
	if round.Damaged != 1 {
		run.unseen++
	}
	if round.Repaired != 1 {
		run.unmended++
	}
	return err
}
