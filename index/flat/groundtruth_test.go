package flat_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/internal/testdata"
)

// readU8 reads a file of byte vectors: rows, columns, then the rows.
func readU8(t *testing.T, path string) []lode.Vector {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, columns := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	b = b[8:]
	if len(b) != rows*columns {
		t.Fatalf("%s: %d bytes for %d × %d", path, len(b), rows, columns)
	}
	out := make([]lode.Vector, rows)
	for i := range out {
		out[i] = make(lode.Vector, columns)
		for j := range columns {
			out[i][j] = float32(b[i*columns+j])
		}
	}
	return out
}

// Real image descriptors have whole-number distances, so nothing may be off by anything.
func TestGroundTruthOfSIFT(t *testing.T) {
	const asked, k = 25, 100
	dir := filepath.Join(testdata.Dir(t), "vectors", "sift128")
	truth, err := os.ReadFile(filepath.Join(dir, "groundtruth.bin"))
	if err != nil {
		t.Fatal(err)
	}
	queries := int(binary.LittleEndian.Uint32(truth))
	if depth := int(binary.LittleEndian.Uint32(truth[4:])); depth != k {
		t.Fatalf("ground truth of depth %d", depth)
	}
	ids, distances := truth[8:], truth[8+4*queries*k:]

	x := flat.New(128, lode.L2)
	for _, v := range readU8(t, filepath.Join(dir, "base.u8bin")) {
		if _, err := x.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	var recall float64
	for i, query := range readU8(t, filepath.Join(dir, "query.u8bin"))[:asked] {
		got, err := x.Search(t.Context(), query, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]index.Candidate, k)
		for j := range want {
			at := 4 * (i*k + j)
			want[j].Ordinal = binary.LittleEndian.Uint32(ids[at:])
			want[j].Score = -math.Float32frombits(binary.LittleEndian.Uint32(distances[at:]))
			if got[j].Score != want[j].Score {
				t.Fatalf("query %d, place %d: got %v, want %v", i, j, got[j], want[j])
			}
		}
		recall += index.Recall(got, want) / asked
	}
	t.Logf("%d rows, recall@%d %.4f", x.Len(), k, recall)
	if recall < 0.999 { // rows at equal distance may differ at the cut
		t.Errorf("recall@%d is %.4f", k, recall)
	}
}
