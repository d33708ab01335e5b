package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Lengths beyond which a file or a function is a sign of a missing noun.
const (
	maxFileLines     = 600
	maxFunctionLines = 120
	// Nine functions in ten are shorter than this.
	usualFunctionLines = 45
	// rootCodeLines bounds the root package, of which the grammar of filters and metadata is a
	// third, and the rules of vectors, of embedders and histories, and of the stages of queries a tenth each: lines that are
	// neither blank nor comment.
	rootCodeLines = 4000
)

// TestPackageComments demands exactly one package comment for each package.
func TestPackageComments(t *testing.T) {
	for _, pkg := range modulePackages(t) {
		comments := 0
		for _, file := range pkg.Files {
			if parse(t, filepath.Join(pkg.Dir, file)).Doc != nil {
				comments++
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want one", pkg.Path, comments)
		}
	}
}

// TestLengths bounds files and functions, and the root package as a whole.
func TestLengths(t *testing.T) {
	functions, long := 0, 0
	for _, pkg := range modulePackages(t) {
		code := 0
		for _, name := range pkg.Files {
			path := filepath.Join(pkg.Dir, name)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(source), "\n"); lines > maxFileLines {
				t.Errorf("%s/%s has %d lines, split it at about %d", pkg.Path, name, lines, maxFileLines)
			}
			code += codeLines(string(source))
			for _, length := range functionLengths(t, path) {
				functions++
				if length > usualFunctionLines {
					long++
				}
				if length > maxFunctionLines {
					t.Errorf("%s/%s has a function of %d lines", pkg.Path, name, length)
				}
			}
		}
		if pkg.Path == "" && code > rootCodeLines {
			t.Errorf("the root package has %d lines of code, at most %d", code, rootCodeLines)
		}
	}
	if long*20 > functions {
		t.Errorf("%d of %d functions are longer than %d lines", long, functions, usualFunctionLines)
	}
}

func codeLines(source string) int {
	n := 0
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

func functionLengths(t *testing.T, path string) []int {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var lengths []int
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
			lengths = append(lengths, fset.Position(f.End()).Line-fset.Position(f.Pos()).Line+1)
		}
	}
	return lengths
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// foul is what must not stand in a tracked file: unfinished work, paths of one machine,
// hosts of package registries.
var foul = regexp.MustCompile(`(?:\bTO` + `DO\b|\bFIX` + `ME\b|\bXX` + `X\b|for n` + `ow\b|/wor` + `k/|/ro` + `ot/|proxy\.gol` + `ang|registry\.np` + `mjs|deb\.deb` + `ian\.org|BEGIN [A-Z ]*PRIV` + `ATE KEY)`)

func TestNothingFoul(t *testing.T) {
	root := moduleRoot(t)
	out, err := exec.Command("git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z").Output()
	if err != nil {
		t.Skipf("SKIPPED: not a git checkout: %v", err)
	}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		source, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || strings.HasPrefix(name, "go.sum") || strings.Contains(name, "testdata/fuzz/") {
			continue
		}
		if found := foul.Find(source); found != nil {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

// TestNothingFoulCatches is the negative control of TestNothingFoul.
func TestNothingFoulCatches(t *testing.T) {
	for _, s := range []string{"// TO" + "DO later", "good enough for n" + "ow", "cd /wor" + "k/main"} {
		if !foul.MatchString(s) {
			t.Errorf("%q is not caught", s)
		}
	}
}
