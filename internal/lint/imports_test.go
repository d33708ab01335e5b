package lint

import (
	"slices"
	"strings"
	"testing"
)

// rule forbids an outside package, except in the packages that own it.
type rule struct {
	prefix string
	owners []string
	reason string
}

var importRules = []rule{
	{"github.com/hashicorp/raft", []string{"raft"}, "consensus is behind package raft, so that nothing else learns what a log entry looks like"},
	{"go.etcd.io/bbolt", []string{"storage"}, "the catalogue's format belongs to storage"},
	{"github.com/pkoukk/tiktoken-go", []string{"internal/tokens"}, "one tokenizer, one place that counts"},
	{"github.com/viterin/vek", []string{"index/distance"}, "kernels are chosen once, in index/distance"},
	{"github.com/ledongthuc/pdf", []string{"pipeline/parse/pdf"}, "it panics on odd files and runs in the worker process only"},
	{"github.com/go-chi/chi", []string{"api"}, "HTTP belongs to the surface"},
	{"github.com/danielgtaylor/huma", []string{"api"}, "used for the OpenAPI model and schemas only; handlers decode once, strictly"},
	{"github.com/minio/minio-go", []string{"storage/backup"}, "buckets are for backups only, behind backup.Target"},
	{"github.com/KimMachineGun/automemlimit", []string{"server"}, "finds the limit of a container; the node's limits are decided in one place"},
	{"net/http", []string{"api", "client", "server", "internal/egress", "internal/provider", "embed/hub", "embed/remote", "embed/remote/remotetest", "retrieval/rerank/reranktest", "bench", "cmd/lode"}, "engines and flows do not know HTTP"},
	{"log", nil, "slog is passed in, never global"},
	{"math/rand", nil, "math/rand/v2 has an explicit seed"},
	{"io/ioutil", nil, "deprecated; os and io have its functions"},
	{"github.com/pkg/errors", nil, "fmt.Errorf with %w"},
	{"gopkg.in/yaml", nil, "archived; go.yaml.in/yaml/v3"},
	{"github.com/boltdb/bolt", nil, "archived; go.etcd.io/bbolt"},
	{"unsafe", []string{"embed/local", "index/distance", "index/flat", "index/hnsw", "storage"}, "only where a measured hot path needs it, or mapped memory would be copied"},
	{"C", nil, "the product is built with CGO_ENABLED=0"},
}

// fixedDependencies are on a default path of the product, each behind the package that
// owns it. The user chose them.
var fixedDependencies = map[string]string{
	"github.com/go-chi/chi/v5":      "api",
	"go.etcd.io/bbolt":              "storage",
	"github.com/ledongthuc/pdf":     "pipeline/parse/pdf",
	"github.com/pkoukk/tiktoken-go": "internal/tokens",
	"github.com/viterin/vek/vek32":  "index/distance",
	"github.com/hashicorp/raft":     "raft",
}

func TestForbiddenImports(t *testing.T) {
	for _, breach := range importBreaches(modulePackages(t)) {
		t.Error(breach)
	}
}

// TestForbiddenImportsCatches is the negative control of TestForbiddenImports.
func TestForbiddenImportsCatches(t *testing.T) {
	bad := []goPackage{{Path: "collection", Outside: []string{"net/http", "github.com/hashicorp/raft-wal", "fmt"}}, {Path: "", Outside: []string{"golang.org/x/text"}}}
	if got := importBreaches(bad); len(got) != 3 {
		t.Errorf("want 3 breaches, got %q", got)
	}
}

func importBreaches(packages []goPackage) []string {
	var breaches []string
	for _, pkg := range packages {
		for _, path := range pkg.Outside {
			for _, r := range importRules {
				if r.forbids(pkg.Path, path) {
					breaches = append(breaches, pkg.Path+" imports "+path+": "+r.reason)
				}
			}
			if pkg.Path == "" && strings.Contains(path, ".") {
				breaches = append(breaches, "the root package imports "+path+": it depends on the standard library only")
			}
		}
	}
	return breaches
}

func (r rule) forbids(pkg, path string) bool {
	outside := strings.Contains(r.prefix, ".") // log/slog is not log, but raft-wal belongs to raft
	same := path == r.prefix || outside && strings.HasPrefix(path, r.prefix)
	return same && !slices.Contains(r.owners, pkg)
}

// TestFixedDependencies holds the user's choice: each package is linked into the program
// through the package that owns it.
func TestFixedDependencies(t *testing.T) {
	packages := modulePackages(t)
	reached := map[string]bool{}
	reach("cmd/lode", packages, reached)
	for path, owner := range fixedDependencies {
		i := slices.IndexFunc(packages, func(p goPackage) bool { return p.Path == owner })
		if i < 0 || !slices.Contains(packages[i].Outside, path) {
			t.Errorf("%s is not imported by %s", path, owner)
		}
		if !reached[owner] {
			t.Errorf("%s, the owner of %s, is not part of the program", owner, path)
		}
	}
}

// TestTrainerIsNotLinked keeps the maker of the built-in table, its sources and lists out of the product.
func TestTrainerIsNotLinked(t *testing.T) {
	for program, links := range map[string]bool{"cmd/lode": false, "cmd/lode-train": true} { // the second is the negative control
		reached := map[string]bool{}
		reach(program, modulePackages(t), reached)
		if reached["embed/train"] != links {
			t.Errorf("%s links embed/train: %v, want %v", program, reached["embed/train"], links)
		}
	}
}

func reach(path string, packages []goPackage, seen map[string]bool) {
	if seen[path] {
		return
	}
	seen[path] = true
	i := slices.IndexFunc(packages, func(p goPackage) bool { return p.Path == path })
	if i < 0 {
		return
	}
	for _, imported := range packages[i].Imports {
		reach(imported, packages, seen)
	}
}
