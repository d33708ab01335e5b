package distance_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAssemblyIsGenerated writes the assembly anew and compares. The generator is a module
// of its own; where that cannot be downloaded the test is skipped, but not with CI=true.
func TestAssemblyIsGenerated(t *testing.T) {
	if out, err := command(t, "mod", "download").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("SKIPPED IS NOT ALLOWED HERE: the generator's modules cannot be downloaded: %v\n%s", err, out)
		}
		t.Skipf("SKIPPED: the generator's modules cannot be downloaded: %v\n%s", err, out)
	}
	fresh := t.TempDir()
	if out, err := command(t, "run", ".", fresh).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(fresh, "*"))
	if err != nil || len(names) != 3 {
		t.Fatalf("written: %v, %v", names, err)
	}
	for _, name := range names {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Base(name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes (%v): run go generate", filepath.Base(name), err)
		}
	}
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = "gen"
	c.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOOS=", "GOARCH=", "CGO_ENABLED=0")
	return c
}
