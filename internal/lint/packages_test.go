package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/testdata"
)

const module = "github.com/lodedb/lode"

// goPackage is one package of ours; Path and Imports are relative to the module, Outside
// are the other packages it imports. Test files are left out.
type goPackage struct {
	Path    string
	Dir     string
	Files   []string
	Imports []string
	Outside []string
}

// modulePackages lists the packages of the module, for amd64 as the product is built.
func modulePackages(t *testing.T) []goPackage {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir, cmd.Stdout = moduleRoot(t), &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(&out); ; {
		var listed struct {
			ImportPath, Dir  string
			GoFiles, Imports []string
		}
		if err := dec.Decode(&listed); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkg := goPackage{Path: relative(listed.ImportPath), Dir: listed.Dir, Files: listed.GoFiles}
		for _, path := range listed.Imports {
			if path == module || strings.HasPrefix(path, module+"/") {
				pkg.Imports = append(pkg.Imports, relative(path))
			} else {
				pkg.Outside = append(pkg.Outside, path)
			}
		}
		packages = append(packages, pkg)
	}
}

func relative(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := testdata.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}
