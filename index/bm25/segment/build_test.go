package segment

import (
	"bytes"
	"errors"
	"hash/crc32"
	"os"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// mustBuild builds an index that is put aside whenever it has more than so many bytes.
func mustBuild(t testing.TB, opts Options, rows []Row, memory int64) []byte {
	t.Helper()
	b, err := NewBuilder(opts, BuilderOptions{Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := b.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := b.Finish(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The bytes of an index do not depend on how often the builder put something aside.
func TestBuildIsDeterministic(t *testing.T) {
	rng := seeded(t)
	for _, opts := range []Options{{}, {Fields: 3, Positions: true, Analyzer: "test"}} {
		var rows []Row
		for range 3000 {
			rows = append(rows, randomRow(rng, opts.fields(), 2000, 30))
		}
		whole := mustSeal(t, mustGrow(t, opts, rows))
		for _, memory := range []int64{1, 1 << 20, 1 << 30} {
			if !bytes.Equal(whole, mustBuild(t, opts, rows, memory)) {
				t.Errorf("%+v: %d bytes of memory give other bytes", opts, memory)
			}
		}
		x := mustOpen(t, whole, opts)
		if err := x.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Merging indexes of which rows were removed, or are not kept, gives the answers of an index of
// the rows that are left.
func TestMergeDropsRows(t *testing.T) {
	rng := seeded(t)
	opts := Options{Fields: 2, Positions: true}
	var all []Row
	var from []Merging
	for range 3 {
		var rows []Row
		for range 100 + rng.IntN(400) {
			rows = append(rows, randomRow(rng, 2, 100, 20))
		}
		x := mustOpen(t, mustSeal(t, mustGrow(t, opts, rows)), opts)
		in := Merging{Index: x}
		if rng.IntN(4) > 0 {
			in.Keep = randomSet(rng, len(rows), 0.6)
		}
		for i := range rows {
			kept := in.Keep == nil || in.Keep.Has(uint32(i))
			if rng.IntN(5) == 0 {
				if err := x.Remove(uint32(i)); err != nil {
					t.Fatal(err)
				}
				rows[i] = nil
			}
			if kept {
				all = append(all, rows[i])
			}
		}
		from = append(from, in)
	}
	var b bytes.Buffer
	if err := Merge(&b, opts, from...); err != nil {
		t.Fatal(err)
	}
	x := mustOpen(t, b.Bytes(), opts)
	if err := x.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	m := &naive{fields: 2, rows: all, parts: make([]int, len(all)), shown: make([]bool, len(all))}
	for i := range all {
		m.inPart, m.shown[i] = append(m.inPart, uint32(i)), true
	}
	if x.Len() != len(all) {
		t.Fatalf("%d rows, want %d", x.Len(), len(all))
	}
	w := &world{opts: opts, parts: []Part{x}, naive: *m, base: []int{0}}
	for range 60 {
		w.compare(t, rng, randomQuery(rng, opts, 100))
	}
}

func TestEmpty(t *testing.T) {
	for _, rows := range [][]Row{nil, {nil}, {nil, {nil}, nil}} {
		x := mustOpen(t, mustSeal(t, mustGrow(t, Options{}, rows)), Options{})
		if err := x.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if err := x.Remove(0, 1, 7); err != nil {
			t.Error(err)
		}
		if got := mustSearch(t, words("kelp"), []View{{Part: x}}, SearchOptions{K: 5}); len(got) != 0 {
			t.Errorf("%v", got)
		}
		if x.Len() != len(rows) {
			t.Errorf("%d rows", x.Len())
		}
	}
}

func TestMergeOfOtherOptions(t *testing.T) {
	x := mustOpen(t, mustSeal(t, mustGrow(t, Options{Positions: true}, []Row{{{{Term: "kelp"}}}})), Options{Positions: true})
	for _, opts := range []Options{{}, {Fields: 2, Positions: true}, {Positions: true, Analyzer: "other"}} {
		if err := Merge(new(bytes.Buffer), opts, Merging{Index: x}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// failing is a place that has room for so many bytes.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// An index that cannot be written is an error, wherever the room ends.
func TestNoRoom(t *testing.T) {
	rng := seeded(t)
	var rows []Row
	for range 300 {
		rows = append(rows, randomRow(rng, 1, 300, 20))
	}
	x := mustGrow(t, Options{}, rows)
	sealed := mustOpen(t, mustSeal(t, x), Options{})
	for room := 0; room < len(mustSeal(t, x)); room += 1000 {
		if err := x.Seal(&failing{room}); !errors.Is(err, errFull) {
			t.Fatalf("%d bytes: %v", room, err)
		}
		if err := Merge(&failing{room}, Options{}, Merging{Index: sealed}); !errors.Is(err, errFull) {
			t.Fatalf("%d bytes: %v", room, err)
		}
	}
	b, err := NewBuilder(Options{}, BuilderOptions{Memory: 1, Scratch: func() (Scratch, error) { return nil, errFull }})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err = b.Add(row); err != nil {
			break
		}
	}
	if !errors.Is(err, errFull) || b.Close() != nil {
		t.Errorf("nothing can be put aside: %v", err)
	}
}

// A builder that puts its parts into a folder leaves nothing there.
func TestBuildInFolder(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	var rows []Row
	for range 2000 {
		rows = append(rows, randomRow(rng, 1, 2000, 20))
	}
	for _, finish := range []bool{true, false} {
		b, err := NewBuilder(Options{}, BuilderOptions{Memory: 1, Scratch: InFolder(vfs.OS, dir, "part-")})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if err := b.Add(row); err != nil {
				t.Fatal(err)
			}
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) < 2 {
			t.Errorf("%d files, %v", len(files), err)
		}
		var out bytes.Buffer
		if finish {
			err = b.Finish(&out)
		}
		if err := errors.Join(err, b.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
		if finish && !bytes.Equal(out.Bytes(), mustSeal(t, mustGrow(t, Options{}, rows))) {
			t.Error("the bytes are others")
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("%d files are left, %v", len(files), err)
		}
	}
}

// The bytes of a file that never changes: if they differ, files written before are not what the
// code writes now, and unless it still reads them [FormatVersion] must change with this test.
func TestBytesAreStable(t *testing.T) {
	const want = 0x8e2e574
	if got := crc32.Checksum(sample(t, sampleOptions), castagnoli); got != want {
		t.Errorf("a file has checksum %#x, not %#x", got, want)
	}
}
