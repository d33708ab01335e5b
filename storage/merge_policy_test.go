package storage_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

const mb = 1 << 20

// sealedOf are sealed segments of the given sizes, in MiB, all of their rows alive.
func sealedOf(sizes ...int64) (all []storage.Segment) {
	for i, size := range sizes {
		all = append(all, storage.Segment{ID: lode.SegmentID(i + 1), State: storage.SegmentSealed, Members: 1, FileBytes: size * mb, Rows: 1000, FileRows: 1000})
	}
	return all
}

func TestMergeDue(t *testing.T) {
	for name, c := range map[string]struct {
		segments []storage.Segment
		policy   storage.MergePolicy
		want     []lode.SegmentID
	}{
		"too few":                {sealedOf(64, 64, 64), storage.MergePolicy{}, nil},
		"enough":                 {sealedOf(64, 60, 70, 64), storage.MergePolicy{}, []lode.SegmentID{2, 1, 4, 3}},
		"not with larger ones":   {sealedOf(64, 256, 64, 64), storage.MergePolicy{}, nil},
		"at most eight":          {sealedOf(1, 1, 1, 1, 1, 1, 1, 1, 1), storage.MergePolicy{}, []lode.SegmentID{1, 2, 3, 4, 5, 6, 7, 8}},
		"the smallest first":     {sealedOf(64, 64, 64, 64, 1, 1, 1, 1), storage.MergePolicy{}, []lode.SegmentID{5, 6, 7, 8}},
		"no larger than allowed": {sealedOf(300, 300, 300, 300), storage.MergePolicy{MaxBytes: 700 * mb}, []lode.SegmentID{1, 2}},
		"too large for a merge":  {sealedOf(600, 600, 600, 600), storage.MergePolicy{MaxBytes: 700 * mb}, nil},
		"other factor":           {sealedOf(64, 64), storage.MergePolicy{Factor: 2}, []lode.SegmentID{1, 2}},
		"dead rows":              {with(sealedOf(64, 9, 900), func(s *storage.Segment) { s.Rows = 699 }, 3), storage.MergePolicy{}, []lode.SegmentID{3}},
		"few dead rows":          {with(sealedOf(64), func(s *storage.Segment) { s.Rows = 700 }, 1), storage.MergePolicy{}, nil},
		"two with dead rows":     {with(sealedOf(64, 9, 64), func(s *storage.Segment) { s.Rows = 1 }, 1, 3), storage.MergePolicy{}, []lode.SegmentID{1, 3}},
		"as large as it lives":   {with(sealedOf(64, 64, 64, 1024), func(s *storage.Segment) { s.Rows = 64 }, 4), storage.MergePolicy{}, []lode.SegmentID{1, 2, 3, 4}},
		"under way":              {with(sealedOf(64, 64, 64, 64), func(s *storage.Segment) { s.Into = 9 }, 1), storage.MergePolicy{}, nil},
		"growing":                {with(sealedOf(64, 64, 64, 64), func(s *storage.Segment) { s.State = storage.SegmentGrowing }, 1), storage.MergePolicy{}, nil},
		"no rows at all":         {with(sealedOf(64), func(s *storage.Segment) { s.Rows, s.FileRows = 0, 0 }, 1), storage.MergePolicy{}, nil},
	} {
		got, err := storage.PickMerge(c.segments, c.policy)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v: %v", name, got, c.want, err)
		}
	}
	for name, p := range map[string]storage.MergePolicy{
		"factor": {Factor: 1}, "max_inputs": {MaxInputs: 3}, "max_bytes": {MaxBytes: -1}, "dead_percent": {DeadPercent: 101},
	} {
		if _, err := storage.PickMerge(nil, p); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func with(all []storage.Segment, change func(*storage.Segment), ids ...int) []storage.Segment {
	for _, id := range ids {
		change(&all[id-1])
	}
	return all
}

// ingest is a steady stream of sealed segments, with a share of older rows replaced, and the
// merges that are due after each.
type ingest struct {
	all            []storage.Segment
	next           lode.SegmentID
	written        int64 // by merges
	ingested, most int64
	segments       int // at most at one time
}

func (in *ingest) seal(tb testing.TB, rnd *rand.Rand, replaced float64) {
	size := int64(56+rnd.IntN(16)) * mb
	in.next++
	in.all = append(in.all, storage.Segment{ID: in.next, State: storage.SegmentSealed, FileBytes: size, Rows: size >> 9, FileRows: size >> 9})
	in.ingested += size
	for gone := int64(float64(size>>9) * replaced); gone > 0 && len(in.all) > 1; { // in proportion to what lies where
		s := &in.all[rnd.IntN(len(in.all)-1)]
		n := min(gone, s.Rows, 1+s.Rows/20)
		s.Rows, gone = s.Rows-n, gone-n
		in.all = slices.DeleteFunc(in.all, func(s storage.Segment) bool { return s.Rows == 0 })
	}
	for merges := 0; ; merges++ {
		due, err := storage.PickMerge(in.all, storage.MergePolicy{})
		if err != nil || merges > 100 {
			tb.Fatalf("%d merges without an end: %v", merges, err)
		}
		if due == nil {
			break
		}
		in.merge(due)
	}
	in.segments = max(in.segments, len(in.all))
}

func (in *ingest) merge(due []lode.SegmentID) {
	in.next++
	out := storage.Segment{ID: in.next, State: storage.SegmentSealed}
	in.all = slices.DeleteFunc(in.all, func(s storage.Segment) bool {
		if !slices.Contains(due, s.ID) {
			return false
		}
		out.FileBytes, out.Rows, out.FileRows = out.FileBytes+s.LiveBytes(), out.Rows+s.Rows, out.FileRows+s.Rows
		return true
	})
	in.all = append(in.all, out)
	in.written, in.most = in.written+out.FileBytes, max(in.most, out.FileBytes)
}

// TestWriteAmplification: what merges write stays in proportion to what comes in.
func TestWriteAmplification(t *testing.T) {
	for _, c := range []struct {
		replaced float64
		most     float64 // bytes written by merges, times bytes ingested
		segments int
	}{{0, 2.1, 130}, {0.5, 3.4, 90}, {0.9, 4.4, 30}} {
		in, rnd := &ingest{}, rand.New(rand.NewPCG(1, 2))
		for range 1500 { // about 94 GiB
			in.seal(t, rnd, c.replaced)
		}
		var file, live int64
		for i := range in.all {
			file, live = file+in.all[i].FileBytes, live+in.all[i].LiveBytes()
		}
		factor := float64(in.written) / float64(in.ingested)
		t.Logf("%.0f %% replaced: %.1f GiB came in, merges wrote %.2f times as much; at most %d segments; files are %.2f times what lives; the largest merge wrote %d MiB",
			100*c.replaced, float64(in.ingested)/(1<<30), factor, in.segments, float64(file)/float64(live), in.most>>20)
		if factor > c.most || in.segments > c.segments || float64(file) > 1.5*float64(live) || in.most > storage.DefaultMergeBytes {
			t.Errorf("%v is more than %v times, or %d segments than %d", factor, c.most, in.segments, c.segments)
		}
	}
}
