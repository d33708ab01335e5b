package storage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// mergedPoints is a store with two sealed segments of n vectors each, without texts.
func mergedPoints(b *testing.B, n int) *bench {
	s := openFast(b, b.TempDir())
	s.start()
	rnd := rand.New(rand.NewPCG(1, 2))
	for part := range 2 {
		for at := 0; at < n; at += 1000 {
			s.update(func(t *storage.Tx) error {
				for i := range min(1000, n-at) {
					if err := putPoint(t, fmt.Sprintf("p%d-%d", part, at+i), lode.Vector{rnd.Float32(), 0, 0, 1}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		s.seal(1)
	}
	s.flush()
	return s
}

func putPoint(t *storage.Tx, id string, vector lode.Vector) error {
	no, err := t.NextDocNo()
	if err != nil {
		return err
	}
	d := &lode.Document{No: no, Collection: 1, Kind: lode.KindVector, ID: lode.DocID(id), CreatedAt: day, UpdatedAt: day, Newest: 1, Current: 1}
	if err := t.PutDocument(d); err != nil {
		return err
	}
	v := &lode.DocVersion{Doc: no, Version: 1, State: lode.StatePending, ReceivedAt: day, Epoch: 1}
	if err := t.Place(1, v); err != nil {
		return err
	}
	if err := t.PutVersion(1, v); err != nil {
		return err
	}
	row := &lode.StagedChunk{Chunk: lode.Chunk{ID: lode.ChunkID{Doc: no, Version: 1}}, Vector: lode.AppendVector(nil, vector)}
	if err := t.PutChunk(1, v, row); err != nil {
		return err
	}
	if v.FirstRow, err = t.NextRows(1, 1); err != nil {
		return err
	}
	v.State, v.Chunks = lode.StateReady, 1
	return t.PutVersion(1, v)
}

// BenchmarkMergeSwap is the entry that puts a merged file of 100,000 versions in the place of
// its inputs, beside one that would write the record of every version again instead.
func BenchmarkMergeSwap(b *testing.B) {
	const n = 50_000
	s := mergedPoints(b, n)
	defer s.close()
	inputs := []lode.SegmentID{1, 2}
	b.Run("build", func(b *testing.B) {
		id := s.merge(inputs...)
		for b.Loop() {
			built, release, err := s.BuildSegment(ctx, 1, id)
			if err != nil {
				b.Fatal(err)
			}
			release()
			b.SetBytes(built.Bytes)
		}
		s.update(func(t *storage.Tx) error { return t.DropMerge(1, id) })
	})
	b.Run("signs", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			id := s.merge(inputs...)
			built, release, err := s.BuildSegment(ctx, 1, id)
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			s.update(func(t *storage.Tx) error { return t.PutSealed(1, id, built.Hash, built.Bytes) })
			release()
			inputs = []lode.SegmentID{id}
		}
	})
	b.Run("records", func(b *testing.B) {
		for b.Loop() {
			s.update(func(t *storage.Tx) error {
				return t.Documents(1, 0, func(d *lode.Document) (bool, error) {
					v, err := t.Version(1, d.No, 1)
					if err != nil {
						return false, err
					}
					v.UpdatedAt = v.UpdatedAt.Add(1)
					return true, t.PutVersion(1, v)
				})
			})
			b.StopTimer()
			s.flush()
			b.StartTimer()
		}
	})
}
