package lint

import (
	"strings"
	"testing"
)

// floors is the house of docs/architecture.md: a package imports lower floors only.
var floors = map[string]int{
	"":                            0,
	"index/distance":              0,
	"internal/egress":             0,
	"internal/beir":               0,
	"internal/lint":               0,
	"internal/seal":               0,
	"internal/testdata":           0,
	"internal/text":               0,
	"internal/tokens":             0,
	"internal/vfs":                0,
	"api/v1":                      1,
	"chunker":                     1,
	"embed":                       1,
	"embed/safetensors":           1,
	"embed/tokenizer":             1,
	"embed/table":                 1,
	"index":                       1,
	"index/quant":                 1,
	"internal/report":             1,
	"pipeline/parse":              1,
	"raft":                        1,
	"storage":                     1,
	"embed/builtin":               2,
	"embed/contrast":              2,
	"embed/embedtest":             2,
	"embed/hub":                   2,
	"retrieval/support":           2,
	"embed/local":                 2,
	"embed/local/localtest":       2,
	"embed/remote":                2,
	"embed/remote/remotetest":     2,
	"embed/service":               2,
	"index/bm25/segment":          2,
	"index/flat":                  2,
	"index/hnsw":                  2,
	"index/indextest":             2,
	"index/payload":               2,
	"index/sparse":                2,
	"pipeline/parse/html":         2,
	"pipeline/parse/markdown":     2,
	"pipeline/parse/parsetest":    2,
	"pipeline/parse/pdf":          2,
	"pipeline/parse/text":         2,
	"retrieval/evaluation":        2,
	"storage/backup":              2,
	"storage/storagetest":         2,
	"collection":                  3,
	"embed/adapt":                 3,
	"pipeline":                    3,
	"retrieval":                   3,
	"api":                         4,
	"client":                      4,
	"server":                      5,
	"bench":                       6,
	"bench/ann":                   6,
	"embed/train":                 6,
	"bench/chaos":                 7,
	"cmd/lode":                    7,
	"cmd/lode-train":              7,
	"samples/bulletin":            7,
	"internal/provider":           0,
	"retrieval/rerank":            2,
	"retrieval/rerank/reranktest": 2,
	"internal/suspect":            0,
}

// contracts are children that their parents speak: the versioned wire types.
var contracts = map[string]string{"api/v1": "api"}

// TestFloors holds the house: every package is listed, imports go down, and a parent
// folder imports none of its children.
func TestFloors(t *testing.T) {
	for _, breach := range floorBreaches(modulePackages(t), floors) {
		t.Error(breach)
	}
}

// TestFloorsCatches is the negative control of TestFloors.
func TestFloorsCatches(t *testing.T) {
	house := map[string]int{"low": 1, "low/child": 0, "same": 1, "high": 2}
	for name, pkg := range map[string]goPackage{
		"unlisted":  {Path: "new"},
		"upwards":   {Path: "low", Imports: []string{"high"}},
		"sideways":  {Path: "low", Imports: []string{"same"}},
		"own child": {Path: "low", Imports: []string{"low/child"}},
	} {
		if len(floorBreaches([]goPackage{pkg}, house)) != 1 {
			t.Errorf("%s: not caught", name)
		}
	}
	if got := floorBreaches([]goPackage{{Path: "high", Imports: []string{"low", "same"}}}, house); len(got) != 0 {
		t.Errorf("downwards: %v", got)
	}
}

func floorBreaches(packages []goPackage, house map[string]int) []string {
	var breaches []string
	for _, pkg := range packages {
		floor, listed := house[pkg.Path]
		if !listed {
			breaches = append(breaches, pkg.Path+": stands on no floor; add it to the table and to docs/architecture.md")
			continue
		}
		for _, imported := range pkg.Imports {
			switch {
			case imported == "" && pkg.Path != "":
				// The nouns are below everything; they import nothing of ours.
			case strings.HasPrefix(imported, pkg.Path+"/") && pkg.Path != "" && contracts[imported] != pkg.Path:
				breaches = append(breaches, pkg.Path+" imports its child "+imported)
			case house[imported] >= floor:
				breaches = append(breaches, pkg.Path+" imports "+imported+", which stands no lower")
			}
		}
	}
	return breaches
}
