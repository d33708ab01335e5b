//go:build linux

package distance

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lodedb/lode"
)

// beforeWall maps pages of which the last may not be touched, and returns the rest.
func beforeWall(t *testing.T, size int) []byte {
	t.Helper()
	page := os.Getpagesize()
	whole := (size+page-1)/page*page + page
	data, err := syscall.Mmap(-1, 0, whole, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(data) })
	if err := syscall.Mprotect(data[whole-page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return data[:whole-page]
}

// Rows that end where memory ends are read to their last byte and not beyond it.
func TestNothingIsReadBeyondTheRows(t *testing.T) {
	const n = 5
	eachSet(t, func(t *testing.T) {
		memory := beforeWall(t, n*(longest*4+8))
		for _, sh := range shapes {
			rng := rand.New(rand.NewPCG(21, uint64(sh.format)))
			for _, dim := range lengths() {
				s := newSample(rng, sh, dim, n)
				size := sh.format.Bytes(dim)
				data := memory[len(memory)-n*size:]
				copy(data, s.region(0, size))
				var sc Scorer
				s.set(&sc)
				sc.SetRows(data, size, -1)
				scores, positions := make([]float32, n), make([]uint32, n)
				sc.ScanScores(scores, 0)
				for i, row := range s.rows {
					s.check(t, "before the wall", row, float64(scores[i]))
				}
				ids := []uint32{4, 4, 4, 4, 4}
				if got := sc.Batch(positions, scores, ids, 1e30); got != n {
					t.Fatalf("%v of dim %d: %d of %d scores", sh, dim, got, n)
				}
				// Corrections may be the last bytes of all.
				data = memory[len(memory)-size-8:]
				copy(data, s.rows[0])
				clear(data[size:])
				sc.SetRows(data, len(data), size)
				sc.ScanScores(scores[:1], 0)
			}
		}
	})
}

// Nothing is written beyond the slices either, whatever the number of rows.
func TestNothingIsWrittenBeyondTheScores(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(22, 1))
		for _, sh := range shapes {
			for n := 1; n <= 40; n++ {
				s := newSample(rng, sh, 70, n)
				var sc Scorer
				s.set(&sc)
				stride := sh.format.Bytes(70)
				sc.SetRows(s.region(0, stride), stride, -1)
				scores, positions := make([]float32, n+8), make([]uint32, n+8)
				for i := range scores {
					scores[i], positions[i] = 12345, 12345
				}
				sc.Scan(positions[:n], scores[:n], 0, n, 1e30)
				sc.ScanScores(scores[:n], 0)
				for i := n; i < n+8; i++ {
					if scores[i] != 12345 || positions[i] != 12345 {
						t.Fatalf("%v: %d rows wrote place %d", sh, n, i)
					}
				}
			}
		}
	})
}

// A mapped file that is cut while rows of it are scored is an error, not the end.
func TestGuardReportsATruncatedFile(t *testing.T) {
	const dim, n = 128, 64
	eachSet(t, func(t *testing.T) {
		for _, sh := range shapes {
			s := newSample(rand.New(rand.NewPCG(23, 1)), sh, dim, n)
			stride := sh.format.Bytes(dim)
			data := mapped(t, s.region(0, stride), os.Getpagesize())
			var sc Scorer
			s.set(&sc)
			sc.SetRows(data.bytes, stride, -1)
			scores := make([]float32, n)
			if err := Guard(func() { sc.ScanScores(scores, 0) }); err != nil {
				t.Fatalf("%v: before the cut: %v", sh, err)
			}
			if err := os.Truncate(data.path, 0); err != nil {
				t.Fatal(err)
			}
			var coded *lode.Error
			err := Guard(func() { sc.ScanScores(scores, 0) })
			if !errors.As(err, &coded) || coded.Code != lode.CodeCorrupt {
				t.Fatalf("%v: after the cut: %v", sh, err)
			}
			// The scorer and the goroutine still work.
			s.set(&sc)
			sc.SetRows(s.region(0, stride), stride, -1)
			sc.ScanScores(scores, 0)
			s.check(t, "after a fault", s.rows[0], float64(scores[0]))
		}
	})
}

type mappedFile struct {
	path  string
	bytes []byte
}

func mapped(t *testing.T, content []byte, room int) mappedFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(path, append(content, make([]byte, room)...), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := syscall.Mmap(int(file.Fd()), 0, len(content), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(data) })
	return mappedFile{path, data}
}

func TestGuardPassesOtherPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"a value":     func() { panic("mine") },
		"an index":    func() { _ = make([]int, 1)[len(t.Name())] },
		"nil pointer": func() { var s *Scorer; _ = s.size },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the panic was swallowed", name)
				}
			}()
			t.Errorf("%s: returned %v", name, Guard(f))
		}()
	}
	if err := Guard(func() {}); err != nil {
		t.Error(err)
	}
}
