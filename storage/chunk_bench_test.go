package storage_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// sealedRows is a store with one sealed segment of n rows of flipDim dimensions: raw vectors,
// or documents of ten chunks when there is a text.
func sealedRows(b *testing.B, n int, text string) (*bench, []*lode.DocVersion) {
	s := &bench{TB: b, dir: b.TempDir()}
	s.Store = mustOpen(b, s.dir, storage.Options{}) // not openFast, whose files are not mapped
	s.SkipSync()
	b.Cleanup(func() { _ = s.Close() })
	s.update(func(t *storage.Tx) error { return t.InitCluster("cluster-1", []byte("0123456789abcdef")) })
	s.update(func(t *storage.Tx) error {
		id, err := t.NextCollectionID()
		if err != nil {
			return err
		}
		c := collection(id, "docs")
		c.Dim, c.Embedder.Dim = flipDim, flipDim
		return t.PutCollection(c)
	})
	rnd := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < n; {
		s.update(func(t *storage.Tx) error {
			for end := min(n, at+1000); at < end; {
				if text == "" {
					if err := putPoint(t, fmt.Sprint(at), noise(rnd)); err != nil {
						return err
					}
					at++
					continue
				}
				if err := putTexts(t, rnd, fmt.Sprint(at), text); err != nil {
					return err
				}
				at += 10
			}
			return nil
		})
	}
	s.seal(1)
	s.flush()
	var all []*lode.DocVersion
	s.each(func(_ *storage.Tx, v *lode.DocVersion) { all = append(all, v) })
	return s, all
}

// putTexts stores a document of ten chunks.
func putTexts(t *storage.Tx, rnd *rand.Rand, id, text string) error {
	d, err := accept(t, 1, id, lode.Hash{}, 10*len(text))
	if err != nil {
		return err
	}
	v, err := place(t, d)
	if err != nil {
		return err
	}
	layers := content{silver: &lode.SilverText{}, chunks: make([]lode.Chunk, 10)}
	for i := range layers.chunks {
		layers.chunks[i] = lode.Chunk{ID: lode.ChunkID{Doc: d.No, Version: d.Newest, Ordinal: uint32(i)}, Text: text,
			Span: lode.Span{Start: i * len(text), End: (i + 1) * len(text)}, Path: []string{"A title", "A heading"}, Tokens: len(text) / 4}
		if err := t.PutChunk(1, v, &lode.StagedChunk{Chunk: layers.chunks[i], Vector: lode.AppendVector(nil, noise(rnd))}); err != nil {
			return err
		}
	}
	return commit(t, d, layers)
}

// BenchmarkTenChunks reads ten rows in one view, as a search does with what it found: their
// chunks alone, with and without vectors, and with the versions that they are of.
func BenchmarkTenChunks(b *testing.B) {
	for _, kind := range []struct {
		name, text string
		rows       int
	}{{"vectors", "", 100_000}, {"texts", strings.Repeat("a text of words ", 94), 20_000}} {
		s, all := sealedRows(b, kind.rows, kind.text)
		for _, with := range []string{"nothing", "text", "chunk", "version", "chunk+version"} {
			b.Run(kind.name+"/"+with, func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(3, 4))
				b.ReportAllocs()
				for b.Loop() {
					s.view(func(t *storage.Tx) error {
						for range 10 {
							if err := readRandom(t, rnd, all, with); err != nil {
								return err
							}
						}
						return nil
					})
				}
			})
		}
	}
}

func readRandom(t *storage.Tx, rnd *rand.Rand, all []*lode.DocVersion, with string) (err error) {
	v := all[rnd.IntN(len(all))]
	if strings.Contains(with, "version") {
		if v, err = t.Version(1, v.Doc, v.Version); err != nil {
			return err
		}
	}
	switch ordinal := uint32(rnd.IntN(v.Chunks)); {
	case strings.Contains(with, "chunk"):
		_, err = t.Chunk(1, v, ordinal)
	case with == "text":
		_, err = t.ChunkText(1, v, ordinal)
	}
	return err
}
