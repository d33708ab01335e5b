package chaos

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTrace: calls are found in a trace although threads interleave, with their files.
func TestTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	trace := `7 fsync(5</tmp/x/data/blobs/47> <unfinished ...>
8 write(6<socket:[1]>, ""..., 9)      = -1 EIO (Input/output error) (INJECTED)
7 <... fsync resumed>)                = -1 EIO (Input/output error) (INJECTED)
8 renameat(AT_FDCWD</work>, "/tmp/x/data/segments/building.segment.1f.tmp", AT_FDCWD</work>, "/tmp/x/data/segments/ab.segment") = ?
7 write(6<socket:[1]>, ""..., 9 <unfinished ...>
7 +++ killed by SIGKILL +++
`
	if err := os.WriteFile(path, []byte(trace), 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := injected(path)
	if err != nil || len(calls) != 2 {
		t.Fatalf("%q %v", calls, err)
	}
	if got := firstCall(calls); got != "fsync blobs/47" {
		t.Errorf("the first call of the node's own is %q", got)
	}
	slices.Reverse(calls)
	if got := firstCall(calls); got != "fsync blobs/47" {
		t.Errorf("in another order it is %q", got)
	}
	cut, err := killedAt(path)
	if got := shortCall(cut); err != nil || got != "renameat segments/building.segment.1f.tmp" || place(got) != inSealed {
		t.Errorf("killed at %q in %s: %v", got, place(got), err)
	}
}

// TestPlace: the report says where faults hit.
func TestPlace(t *testing.T) {
	for call, want := range map[string]string{
		"pwrite64 raft/wal/wal-meta.db":         inLog,
		"fsync raft/wal/1-1.wal":                inLog,
		"write snapshot.17.tmp":                 inLog,
		"fdatasync catalog.db":                  inCatalogue,
		"pwrite64 catalog.db.new.tmp":           inCatalogue,
		"pwrite64 segments/1-5.growing":         inGrowing,
		"rename segments/1-5.growing.tmp":       inGrowing,
		"fsync segments":                        inSealed,
		"write segments/building.segment.x.tmp": inSealed,
		"unlinkat segments/ab.segment":          inSealed,
		"write segments/ab.index.1.tmp":         inGraphs,
		"renameat segments/ab.index":            inGraphs,
		"fsync blobs/47":                        inBlobs,
		"write socket:[1]":                      elsewhere,
		"renameat NODE.1.tmp":                   elsewhere,
		"":                                      elsewhere,
	} {
		if got := place(call); got != want {
			t.Errorf("%q is in %s, want %s", call, got, want)
		}
	}
}
