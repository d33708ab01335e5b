package collection_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// spaceFiles are the graphs of named spaces in the node's folder.
func (n *node) spaceFiles() (paths []string) {
	n.t.Helper()
	all, err := filepath.Glob(filepath.Join(n.dir, "segments", "*.*.index"))
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

// graphedSpaces is a node whose sealed segment has a graph in each of three dense spaces.
func graphedSpaces(t *testing.T, g *testGraphs) *spacedPoints {
	s := spaced(t, withGraphs(g))
	s.put(numbers(0, 60)...)
	s.seal("c")
	s.flush()
	s.buildGraphs(4)
	s.put(numbers(60, 70)...)
	return s
}

// TestSpaceGraphs: they answer as exact search does, a restart builds none again, an explanation
// tells of them, and their files go with the segment.
func TestSpaceGraphs(t *testing.T) {
	g := &testGraphs{}
	s := graphedSpaces(t, g)
	s.verify("built")
	x := lode.Explanation{}
	if _, err := s.view(root, "c").DenseWith(ctx, lode.Vector{1, 0, 0}, lode.DenseSearch{K: 3, Using: "title", Explain: &x}); err != nil || len(x.Segments) != 2 || !x.Segments[0].Graph || x.Segments[1].Graph {
		t.Errorf("explained as %+v (%v)", x, err)
	}
	use, err := s.Usage(root)
	if err != nil || use[0].Graphs == 0 || use[0].Sparse == 0 {
		t.Errorf("usage %+v (%v)", use, err)
	}
	s.restart()
	s.buildGraphs(0)
	if g.built.Load() != 4 || g.opened.Load() != 8 {
		t.Errorf("%d graphs were built and %d opened", g.built.Load(), g.opened.Load())
	}
	s.verify("restarted")
	s.drop(numbers(0, 60)...)
	s.flush()
	if _, err := s.SweepSegments(); err != nil {
		t.Fatal(err)
	}
	if left := s.spaceFiles(); len(left) > 0 {
		t.Errorf("files stay behind: %v", left)
	}
	s.verify("dropped")
}

// TestFewVectorsInASpace: a space with fewer rows than a graph is for stays exact.
func TestFewVectorsInASpace(t *testing.T) {
	g := &testGraphs{}
	s := spaced(t, withGraphs(g), func(o *collection.Options) { o.GraphRows = 60 })
	s.put(numbers(0, 60)...)
	s.seal("c")
	s.flush()
	s.buildGraphs(1)
	s.verify("built")
	s.restart()
	s.buildGraphs(0)
	s.verify("restarted")
}

// TestDamagedSpaceGraph: a byte that changed in any part of the file is found, at the start or by
// the round that verifies, and the graph is built anew; answers are right all the time.
func TestDamagedSpaceGraph(t *testing.T) {
	for name, at := range map[string]func(size int) int{
		"head":    func(int) int { return 20 },
		"rows":    func(int) int { return 64 + 9 },
		"vectors": func(int) int { return 64 + 256 + 5 },
		"graph":   func(size int) int { return size - 300 },
	} {
		for _, running := range []bool{false, true} {
			if running && (name == "head" || name == "rows") {
				continue // they are read at the start only
			}
			t.Run(name+map[bool]string{true: " meanwhile"}[running], func(t *testing.T) {
				g := &testGraphs{}
				s := graphedSpaces(t, g)
				if !running {
					s.stop()
				}
				path := s.spaceFiles()[0]
				flipByte(t, path, at)
				if running {
					var reported []string
					if err := s.Check(ctx, func(where, what string) { reported = append(reported, where+" "+what) }); err != nil || len(reported) == 0 || !strings.Contains(reported[0], "segment 1") {
						t.Errorf("reported: %q, %v", reported, err)
					}
				} else {
					s.start()
				}
				for range 3 { // found, given up, built
					if _, err := s.BuildGraphs(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if g.built.Load() != 5 {
					t.Errorf("%d builds, want 5", g.built.Load())
				}
				s.verify("mended")
				s.restart()
				s.verify("restarted")
			})
		}
	}
}

func flipByte(t *testing.T, path string, at func(size int) int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, int64(at(int(info.Size())))); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b, int64(at(int(info.Size())))); err != nil {
		t.Fatal(err)
	}
}

// TestDemotedWithSpaces: when the graph over the rows' own vectors is damaged, its part goes back
// to exact indexes as a whole, and gets its graphs again.
func TestDemotedWithSpaces(t *testing.T) {
	g := &testGraphs{}
	s := graphedSpaces(t, g)
	flipByte(t, indexFileOf(t, s.node), func(size int) int { return size - 300 })
	if err := s.Check(ctx, func(string, string) {}); err != nil {
		t.Fatal(err)
	}
	s.buildGraphs(0) // given up
	s.verify("demoted")
	s.drop(3, 4)
	s.verify("demoted and dropped")
	s.buildGraphs(1) // the graphs of its spaces are still good
	s.verify("mended")
}

// indexFileOf is the graph over the rows' own vectors.
func indexFileOf(t *testing.T, n *node) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(n.dir, "segments", "*.index"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if strings.Count(filepath.Base(p), ".") == 1 {
			return p
		}
	}
	t.Fatalf("there is no graph in %v", all)
	return ""
}
