package report

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Write writes a report as indented JSON; never half of it.
func Write(path string, report any) error {
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(path, append(b, '\n'))
}

// WriteFile writes a file whole or not at all, and makes its folder.
func WriteFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return vfs.WriteFile(vfs.OS, path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// Read reads a report of type R. What is no JSON of one is [lode.CodeMalformed].
func Read[R any](path string) (*R, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(R)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, lode.FieldError(lode.CodeMalformed, "report", path, "no report of a run: %v", err)
	}
	return r, nil
}

// ReadAll reads the reports of a folder whose names match a pattern of [filepath.Match], by
// name.
func ReadAll[R any](dir, pattern string) ([]*R, error) {
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	reports := make([]*R, 0, len(paths))
	for _, path := range paths {
		r, err := Read[R](path)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}
