package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

const unhurried = 1 << 40 // bytes a second

func (b *bench) scrub(o storage.ScrubOptions) storage.ScrubRound {
	b.Helper()
	o.BytesPerSecond = unhurried
	round, err := b.Scrub(ctx, o)
	if err != nil {
		b.Fatal(err)
	}
	return round
}

// TestScrubGoesOn interrupts rounds after each mebibyte: every byte is read once.
func TestScrubGoesOn(t *testing.T) {
	b := openReady(t)
	b.update(func(tx *storage.Tx) error {
		for i := range 3 {
			if err := stageSilver(tx, numbered("big", i), 0, bytes.Repeat([]byte{byte(i)}, 1_500_000)); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range 3 {
		b.update(func(tx *storage.Tx) error {
			d, err := tx.FindDocument(1, lode.KindDocument, lode.DocID(numbered("big", i)))
			if err != nil {
				return err
			}
			return commit(tx, d, content{silver: &lode.SilverText{}})
		})
	}
	built := b.seal(1)
	stopped, stop := context.WithCancel(ctx)
	stop()
	var read int64
	calls := 0
	for {
		round, err := b.Scrub(stopped, storage.ScrubOptions{BytesPerSecond: unhurried})
		read, calls = read+round.Bytes, calls+1
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || calls > 100 {
			t.Fatal(err)
		}
	}
	if read != built.Bytes || calls != int(built.Bytes>>20)+1 {
		t.Errorf("%d bytes in %d calls, the file has %d", read, calls, built.Bytes)
	}
	if round := b.scrub(storage.ScrubOptions{}); round.Bytes != built.Bytes || round.Files != 1 {
		t.Errorf("the next round: %+v", round)
	}
	for name, want := range map[string]int64{"bytes_per_second": -1} {
		_, err := b.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: want})
		if !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.drop("big-000") // its version has another hash than its silver: not for the checker
	b.drop("big-001")
	b.drop("big-002")
}

// TestScrubPace: a read is followed by as long a rest as its rate says, and rests are not
// saved up.
func TestScrubPace(t *testing.T) {
	now := time.Now()
	for name, ready := range map[string]time.Time{"at once": now, "after an hour": now.Add(-time.Hour)} {
		if rest := storage.ScrubRest(1<<20, 1<<19, ready, now); rest != time.Second/2 {
			t.Errorf("%s: half of a second's bytes are followed by a rest of %v", name, rest)
		}
	}
}

// TestScrubFinds damages files in ways that are no flips.
func TestScrubFinds(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(path string, whole []byte) error
		what   string
	}{
		"missing":     {func(path string, _ []byte) error { return os.Remove(path) }, "no such file"},
		"empty":       {func(path string, _ []byte) error { return os.Truncate(path, 0) }, "no sealed segment is that short"},
		"cut":         {func(path string, whole []byte) error { return os.Truncate(path, int64(len(whole)-1)) }, "foot"},
		"cut in half": {func(path string, whole []byte) error { return os.Truncate(path, int64(len(whole)/2)) }, "foot"},
		"longer":      {func(path string, whole []byte) error { return os.WriteFile(path, append(whole, 0), 0o600) }, "foot"},
		"another":     {func(path string, _ []byte) error { return os.WriteFile(path, []byte(strings.Repeat("x", 9000)), 0o600) }, "is no sealed segment"},
		"head":        {func(path string, whole []byte) error { whole[40] = 1; return os.WriteFile(path, whole, 0o600) }, "every block its checksum"},
		"vectors":     {func(path string, whole []byte) error { whole[100] ^= 1; return os.WriteFile(path, whole, 0o600) }, "1 blocks of vectors, 0 of rows and 0 texts"},
		"end of silver": {func(path string, whole []byte) error {
			at := bytes.LastIndex(whole, []byte("text-001"))
			whole[at] ^= 1
			return os.WriteFile(path, whole, 0o600)
		}, "0 blocks of vectors, 0 of rows and 1 texts"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			b.start()
			for i := range 30 {
				b.addDocument(1, numbered("doc", i), strings.Repeat(numbered("text", i)+"\n", 5+i%3))
			}
			path := filepath.Join(b.dir, "segments", b.seal(1).Hash.String()+".segment")
			b.flush()
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if found, err := b.Damaged(); len(found) > 0 || err != nil {
				t.Errorf("damaged from the beginning: %v, %v", found, err)
			}
			if err := c.damage(path, bytes.Clone(whole)); err != nil {
				t.Fatal(err)
			}
			var heard []storage.Damage
			fetched := []byte("other bytes")
			o := storage.ScrubOptions{Report: func(d storage.Damage) { heard = append(heard, d) }, Fetch: func(context.Context, lode.Hash) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(fetched)), nil
			}}
			round := b.scrub(o)
			if round.Damaged != 1 || round.Repaired != 0 || len(heard) != 1 || !strings.Contains(heard[0].What, c.what) || heard[0].Segment != 1 || heard[0].Collection != 1 {
				t.Errorf("%+v, %+v", round, heard)
			}
			if found, err := b.Damaged(); err != nil || len(found) != 1 || found[0].What == "" {
				t.Errorf("damaged: %+v, %v", found, err)
			}
			if !b.checkFinds() {
				t.Error("the checker does not find it")
			}
			fetched, heard = whole, nil
			round = b.scrub(o)
			if round.Damaged != 1 || round.Repaired != 1 || len(heard) != 2 || !heard[1].Repaired {
				t.Errorf("%+v, %+v", round, heard)
			}
			if found, err := b.Damaged(); len(found) > 0 || err != nil {
				t.Errorf("still damaged: %v, %v", found, err)
			}
			if round := b.scrub(o); round.Damaged != 0 {
				t.Errorf("still damaged: %+v", round)
			}
		})
	}
}

// TestReadsFindDamageFirst: what a read has met is listed, and when the disk has the file
// whole, the scrubber makes a copy of it.
func TestReadsFindDamageFirst(t *testing.T) {
	b, path := sealedStore(t, 5)
	rows, err := b.MapSealed(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, path, 100, 1)
	wantCode(t, rows.Check(2), lode.CodeCorrupt)
	wantCode(t, rows.Verify(ctx), lode.CodeCorrupt)
	flip(t, path, 100, 1)
	wantCode(t, rows.Check(2), lode.CodeCorrupt) // who knows what comes next
	if found, err := b.Damaged(); err != nil || len(found) != 1 || !strings.Contains(found[0].What, "block 0 of the vectors") {
		t.Errorf("damaged: %+v, %v", found, err)
	}
	if round := b.scrub(storage.ScrubOptions{}); round.Damaged != 1 || round.Repaired != 1 {
		t.Errorf("%+v", round)
	}
	if !rows.Replaced() {
		t.Error("the mapping does not know that it is of another file")
	}
	if rows, err = b.MapSealed(1, 1); err != nil || rows.Check(2) != nil || rows.Replaced() {
		t.Errorf("after the repair: %v, %v", err, rows.Check(2))
	}
}

// TestCheckIsCheap: the second look at a row takes no memory; a file that was cut under its
// mapping is an error and no crash.
func TestCheckIsCheap(t *testing.T) {
	b := flipStore(t)
	for _, m := range b.mapAll() {
		if refused, wrong := m.search(t); refused+wrong > 0 {
			t.Fatalf("%d refused, %d wrong", refused, wrong)
		}
		row := 0
		if n := testing.AllocsPerRun(100, func() {
			row = (row + 37) % m.Rows
			if m.Check(row) != nil {
				t.Error("refused")
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
	rows, err := b.MapSealed(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(b.dir, "segments", rows.Hash.String()+".segment"), 4096); err != nil {
		t.Fatal(err)
	}
	wantCode(t, rows.Check(rows.Rows-1), lode.CodeCorrupt)
}

// TestScrubInMemory scrubs a store without a disk.
func TestScrubInMemory(t *testing.T) {
	s := mustOpen(t, "/data", storage.Options{FS: vfs.NewMem(), Memory: storage.NewMemory(), FlushInterval: time.Hour})
	b := &bench{TB: t, Store: s, dir: "/data"}
	b.start()
	b.addDocument(1, "x", "one\ntwo\n")
	built := b.seal(1)
	if round := b.scrub(storage.ScrubOptions{}); round.Bytes != built.Bytes || round.Damaged != 0 {
		t.Errorf("%+v", round)
	}
	b.close()
	_, err := b.Scrub(ctx, storage.ScrubOptions{})
	if !storage.IsClosed(err) {
		t.Error(err)
	}
	if err := b.ReplaceSealed(ctx, built.Hash, strings.NewReader("x")); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Error(err)
	}
}

// BenchmarkCheckRow is what a search pays for each vector that it looks at.
func BenchmarkCheckRow(b *testing.B) {
	s := flipStore(b)
	m := s.mapAll()[0]
	b.Run("again", func(b *testing.B) {
		row := 0
		for b.Loop() {
			row = (row + 37) % m.Rows
			if err := m.Check(row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fresh, err := s.MapSealed(1, 3)
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if err := fresh.Check(0); err != nil {
				b.Fatal(err)
			}
		}
	})
}
