// Package testdata finds the real test data that some tests and benchmarks read.
//
// The data is no part of the product. It lies where LODE_TESTDATA says, else in
// ../shared/data relative to the module's root. A test that finds none is skipped and says
// so; with LODE_REQUIRE_TESTDATA=1, as the continuous integration sets it, it fails.
package testdata

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// ErrNone is returned when there is no test data on this machine.
var ErrNone = errors.New("no test data: set LODE_TESTDATA to its folder")

// Locate returns the folder of the test data.
func Locate() (string, error) {
	if dir := os.Getenv("LODE_TESTDATA"); dir != "" {
		return existing(dir)
	}
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	return existing(filepath.Join(root, "..", "shared", "data"))
}

func existing(dir string) (string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", ErrNone
	}
	return dir, nil
}

// Dir returns the folder of the test data, or skips (or fails) the test.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := Locate()
	switch {
	case err == nil:
		return dir
	case os.Getenv("LODE_REQUIRE_TESTDATA") == "1":
		tb.Fatalf("SKIPPED IS NOT ALLOWED HERE: %v", err)
	default:
		tb.Skipf("SKIPPED: %v", err)
	}
	return ""
}

// ModuleRoot returns the folder of go.mod, searched upwards from the working directory.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}
