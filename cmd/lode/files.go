package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode"
)

// file is one document to send.
type file struct {
	id   lode.DocID
	name string
	size int64
	read func() ([]byte, error)
}

// single reports whether exactly one document was named.
func (c *ingestCommand) single() bool {
	if len(c.Paths) != 1 {
		return false
	}
	if c.Paths[0] == "-" {
		return true
	}
	info, err := os.Stat(c.Paths[0])
	return err == nil && !info.IsDir()
}

// list finds the files. Ids are paths below the named folder, with its own name first:
// "docs/guide/install.md", wherever the command is started.
func (c *ingestCommand) list(stdin io.Reader) ([]file, error) {
	if c.ID != "" && !c.single() {
		return nil, usageError{lode.Invalid("id", c.ID, "an id can be given to a single document only")}
	}
	for _, pattern := range append(c.Include, c.Exclude...) {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, usageError{lode.Invalid("pattern", pattern, "not a pattern; write '*.md' or 'drafts/*'")}
		}
	}
	var files []file
	for _, root := range c.Paths {
		if root == "-" {
			f, err := c.standardInput(stdin)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
			continue
		}
		found, err := c.walk(root)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func (c *ingestCommand) standardInput(stdin io.Reader) (file, error) {
	content, err := io.ReadAll(io.LimitReader(stdin, int64(c.MaxFile)+1))
	if err != nil {
		return file{}, fmt.Errorf("read standard input: %w", err)
	}
	if int64(len(content)) > int64(c.MaxFile) {
		return file{}, lode.FieldError(lode.CodeTooLarge, "max_file", int64(c.MaxFile), "standard input is larger than the limit")
	}
	id := lode.DocID(c.ID)
	if id == "" {
		id = lode.DocID(c.Name)
	}
	if id == "" {
		id = lode.DocID("sha256:" + lode.HashOf(content).String())
	}
	return file{id: id, name: c.Name, size: int64(len(content)), read: func() ([]byte, error) { return content, nil }}, nil
}

func (c *ingestCommand) walk(root string) ([]file, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	parent := filepath.Dir(absolute)
	var files []file
	err = filepath.WalkDir(absolute, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		id, err := filepath.Rel(parent, p)
		if err != nil {
			return err
		}
		id = filepath.ToSlash(id)
		if p != absolute && c.leftOut(id, entry) {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Stat(p) // follows links to files
		if err != nil || !info.Mode().IsRegular() || p != absolute && !c.wanted(id) {
			return nil // a dangling link is no document
		}
		if info.Size() <= int64(c.MaxFile) {
			files = append(files, c.file(p, id, info.Size()))
		} else if p == absolute {
			return lode.FieldError(lode.CodeTooLarge, "max_file", int64(c.MaxFile), "%s has %d bytes", id, info.Size())
		}
		return nil
	})
	return files, err
}

func (c *ingestCommand) file(p, id string, size int64) file {
	if c.ID != "" {
		id = c.ID
	}
	return file{id: lode.DocID(id), name: path.Base(filepath.ToSlash(p)), size: size, read: func() ([]byte, error) { return os.ReadFile(p) }}
}

func (c *ingestCommand) leftOut(id string, entry fs.DirEntry) bool {
	return !c.Hidden && strings.HasPrefix(entry.Name(), ".") || matchesAny(c.Exclude, id)
}

func (c *ingestCommand) wanted(id string) bool {
	return len(c.Include) == 0 || matchesAny(c.Include, id)
}

// matchesAny tests a pattern without a slash against the name, others against the whole id.
func matchesAny(patterns []string, id string) bool {
	for _, pattern := range patterns {
		subject := id
		if !strings.Contains(pattern, "/") {
			subject = path.Base(id)
		}
		if ok, err := path.Match(pattern, subject); err == nil && ok {
			return true
		}
	}
	return false
}
