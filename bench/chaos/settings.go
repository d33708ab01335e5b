package chaos

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// settings are flags of serve by which writes reach the data files. Small segments and short
// intervals bring flushes, seals, builds, snapshots and removals within a case; the defaults
// leave all of it to the log and to recovery.
type settings []string

func sealing(segment, flush string) settings {
	return settings{"--segment-size", segment, "--flush-interval", flush, "--graph-rows", "1"}
}

// Settings of cases.
var (
	busiest  = sealing("8KiB", "20ms")
	busy     = sealing("32KiB", "50ms")
	moderate = sealing("128KiB", "200ms")
	defaults = settings(nil)

	// vectorsOnly is for a workload of small vectors, in which every file is the node's own.
	vectorsOnly = sealing("2KiB", "20ms")
)

// drawSettings draws by a seed: most seals come often, and a quarter has the defaults.
func drawSettings(seed uint64) settings {
	of := []settings{busiest, busiest, busiest, busy, busy, moderate, defaults, defaults}
	return of[rand.New(rand.NewPCG(seed, 0x5ea1)).IntN(len(of))]
}

// settings of a case follow from its text.
func (c Case) settings() settings {
	switch {
	case c.vectorsOnly():
		return vectorsOnly
	case c.Fault.Call == Build:
		return busiest
	}
	return drawSettings(c.Seed)
}

// vectorsOnly reports whether the workload leaves out documents: errors of write must not
// reach the pipes of parsers, which are no disk.
func (c Case) vectorsOnly() bool { return c.Fault.Action == EIO && c.Fault.Call == "write" }

// Files of sealed segments, as package storage names them.
const (
	segmentsDir  = "segments"
	sealedSuffix = ".segment"
	graphSuffix  = ".index"
	wordsSuffix  = ".words.index"
	buildingName = "building.segment."
)

// segmentsIn counts the sealed segments of a data folder, their graphs, and builds that were
// not finished.
func segmentsIn(dir string) (sealed, graphs, unfinished int) {
	entries, err := os.ReadDir(filepath.Join(dir, segmentsDir))
	if err != nil {
		return 0, 0, 0 // a node that was killed before it made the folder
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), buildingName):
			unfinished++
		case strings.HasSuffix(e.Name(), sealedSuffix):
			sealed++
		case strings.HasSuffix(e.Name(), graphSuffix) && !strings.HasSuffix(e.Name(), wordsSuffix):
			graphs++
		}
	}
	return sealed, graphs, unfinished
}

// Places where a fault hits, in the order of the report.
const (
	inLog       = "the log and its snapshots"
	inCatalogue = "the catalogue"
	inGrowing   = "growing segments"
	inSealed    = "sealed segments and their builds"
	inGraphs    = "graphs of sealed segments"
	inBlobs     = "received bytes"
	elsewhere   = "sockets, pipes, identity and lock"
)

var places = []string{inLog, inCatalogue, inGrowing, inSealed, inGraphs, inBlobs, elsewhere}

// place is where a call went, as [Outcome] has it: a call and a path in the data folder.
func place(call string) string {
	verb, file, _ := strings.Cut(call, " ")
	switch {
	case verb == Build, strings.HasPrefix(file, segmentsDir) && strings.Contains(file, sealedSuffix), file == segmentsDir:
		return inSealed
	case strings.HasPrefix(file, segmentsDir) && strings.Contains(file, graphSuffix):
		return inGraphs
	case strings.HasPrefix(file, segmentsDir):
		return inGrowing
	case strings.HasPrefix(file, "raft"), strings.HasPrefix(file, "snapshot."):
		return inLog
	case strings.HasPrefix(file, "catalog.db"):
		return inCatalogue
	case strings.HasPrefix(file, "blobs"):
		return inBlobs
	}
	return elsewhere
}
