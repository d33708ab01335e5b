package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench/chaos"
	"github.com/lodedb/lode/internal/testdata"
)

// Settings of a run, from the environment:
//
//	LODE_CHAOS=long            the long form
//	LODE_CHAOS_SEED=N          of every random choice; the default is 1
//	LODE_CHAOS_CASE="1 used …" repeats one case of the sweep
//	LODE_CHAOS_LOG=FILE        outcomes; cases that are in it are not run again
//	LODE_CHAOS_REPORT=FILE     where the report goes
//	LODE_CHAOS_NOTE=TEXT       what a reader of the report must know about the run
//	LODE_CHAOS_BINARY=FILE     a program that was built before, instead of building one
//	LODE_REQUIRE_CHAOS=1       a missing tool is a failure
const (
	envForm    = "LODE_CHAOS"
	envSeed    = "LODE_CHAOS_SEED"
	envCase    = "LODE_CHAOS_CASE"
	envLog     = "LODE_CHAOS_LOG"
	envReport  = "LODE_CHAOS_REPORT"
	envNote    = "LODE_CHAOS_NOTE"
	envBinary  = "LODE_CHAOS_BINARY"
	envRequire = "LODE_REQUIRE_CHAOS"
)

func long() bool { return os.Getenv(envForm) == "long" }

func seed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv(envSeed)
	if s == "" {
		return 1
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// missing skips the test, or fails it where that is not allowed.
func missing(t *testing.T, required bool, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if required || os.Getenv(envRequire) == "1" {
		t.Fatalf("SKIPPED IS NOT ALLOWED HERE: %s", what)
	}
	t.Skipf("SKIPPED: %s", what)
}

// requireStrace is called by tests that inject faults. The continuous integration has it.
func requireStrace(t *testing.T) {
	t.Helper()
	ci := os.Getenv("CI") == "true"
	if _, err := exec.LookPath("strace"); err != nil {
		missing(t, ci, "%v: apt-get install strace", err)
	}
	out, err := exec.Command("strace", "-f", "--seccomp-bpf", "-o", os.DevNull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true").CombinedOutput()
	if err != nil {
		missing(t, ci, "strace cannot inject: %v: %s", err, out)
	}
}

var build struct {
	sync.Once
	dir string
	err error
}

// program returns the node's program and the commit it was built from.
func program(t *testing.T) (path, commit string) {
	t.Helper()
	path = os.Getenv(envBinary)
	if path == "" {
		build.Do(func() { build.dir, build.err = buildProgram() })
		if build.err != nil {
			t.Fatal(build.err)
		}
		path = filepath.Join(build.dir, "lode")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, commit, _ = strings.Cut(strings.TrimSpace(string(out)), "(")
	return path, strings.TrimSuffix(commit, ")")
}

// openLog opens the log for the outcomes of exactly this program, as a changed tree keeps its
// commit.
func openLog(t *testing.T) *chaos.Log {
	t.Helper()
	path, commit := program(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := chaos.OpenLog(os.Getenv(envLog), commit+" "+lode.HashOf(content).String())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestMain(m *testing.M) {
	code := m.Run()
	if build.dir != "" {
		_ = os.RemoveAll(build.dir)
	}
	os.Exit(code)
}

// buildProgram builds cmd/lode once for all tests. A tree with changes is marked in the
// commit.
func buildProgram() (dir string, err error) {
	root, err := testdata.ModuleRoot()
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "lode-chaos-"); err != nil {
		return "", err
	}
	commit := "unknown"
	if out, err := exec.Command("git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.commit="+commit, "-o", filepath.Join(dir, "lode"), "./cmd/lode")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build: %w: %s", err, out)
	}
	return dir, nil
}

// startNode starts a node without faults that seals all the time and ends with the test.
func startNode(t *testing.T, dir string) *chaos.Node {
	t.Helper()
	binary, _ := program(t)
	n, err := chaos.StartSealing(t.Context(), binary, dir, t.TempDir())
	if n != nil {
		t.Cleanup(n.Kill)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
