package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// file is one document to send.
type file struct {
	id   lode.DocID
	path string
	name string
	size int64
	skip error // why it is left out; nil: it is sent
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
	for _, pattern := range slices.Concat(c.Include, c.Exclude) {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, usageError{lode.Invalid("pattern", pattern, "not a pattern").WithHint("write '*.md' or 'drafts/*'")}
		}
	}
	var files []file
	for _, root := range c.Paths {
		find := c.walk
		if root == "-" {
			find = func(string) ([]file, error) { return c.standardInput(stdin) }
		}
		found, err := find(root)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return distinct(files)
}

// distinct drops files that were named twice, and refuses different ones with the same id:
// each would take the place of the other.
func distinct(files []file) ([]file, error) {
	known := map[lode.DocID]string{}
	var out []file
	for _, f := range files {
		other, taken := known[f.id]
		if taken && other != f.path {
			return nil, usageError{lode.Invalid("path", f.path, "this file and %s would both have the id %s", other, f.id).
				WithHint("name a folder that holds both, or ingest them into collections of their own")}
		}
		if !taken {
			known[f.id] = f.path
			out = append(out, f)
		}
	}
	return out, nil
}

func (c *ingestCommand) standardInput(stdin io.Reader) ([]file, error) {
	content, err := io.ReadAll(io.LimitReader(stdin, int64(c.MaxFile)+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if int64(len(content)) > int64(c.MaxFile) {
		return nil, lode.FieldError(lode.CodeTooLarge, "max_file", int64(c.MaxFile), "standard input is larger than the limit")
	}
	id := lode.DocID(c.ID)
	if id == "" {
		id = lode.DocID(c.Name)
	}
	if id == "" {
		id = lode.DocID("sha256:" + lode.HashOf(content).String())
	}
	return []file{{id: id, path: "-", name: c.Name, size: int64(len(content)), read: func() ([]byte, error) { return content, nil }}}, nil
}

// walk finds the files below root, which may be a file itself.
func (c *ingestCommand) walk(root string) ([]file, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	top, err := filepath.EvalSymlinks(absolute) // WalkDir does not follow links
	if err != nil {
		wrong := unreadable(err)
		wrong.Field, wrong.Value = "path", root
		return nil, usageError{wrong}
	}
	w := walker{command: c, top: top, name: filepath.Base(absolute)}
	err = filepath.WalkDir(top, w.visit)
	return w.files, err
}

// walker collects the files of one named folder.
type walker struct {
	command   *ingestCommand
	top, name string
	files     []file
}

// visit takes a file that is wanted. A folder that cannot be read is reported like a
// document that failed, and does not keep the others back.
func (w *walker) visit(p string, entry fs.DirEntry, err error) error {
	id, relErr := w.id(p)
	switch {
	case relErr != nil:
		return relErr
	case err != nil && p == w.top:
		return err
	case err != nil:
		w.files = append(w.files, file{id: lode.DocID(id), path: p, read: func() ([]byte, error) { return nil, unreadable(err) }})
		return nil
	case p == w.top && entry.IsDir():
		return nil
	case p != w.top && entry.IsDir():
		if w.command.leftOut(id, entry) {
			return filepath.SkipDir
		}
		return nil
	case p != w.top && (w.command.leftOut(id, entry) || !w.command.wanted(id)):
		return nil
	}
	info, err := os.Stat(p) // follows links to files
	if err != nil || !info.Mode().IsRegular() {
		return nil // a dangling link is no document
	}
	f := w.command.file(p, id, info.Size())
	if p == w.top && f.skip != nil {
		return f.skip
	}
	w.files = append(w.files, f)
	return nil
}

func (w *walker) id(p string) (string, error) {
	below, err := filepath.Rel(w.top, p)
	return strings.TrimPrefix(path.Join(filepath.ToSlash(w.name), filepath.ToSlash(below)), "/"), err
}

func (c *ingestCommand) file(p, id string, size int64) file {
	if c.ID != "" {
		id = c.ID
	}
	f := file{id: lode.DocID(id), path: p, name: path.Base(filepath.ToSlash(p)), size: size, read: func() ([]byte, error) {
		content, err := os.ReadFile(p)
		if err != nil {
			return nil, unreadable(err)
		}
		return content, nil
	}}
	switch {
	case size > int64(c.MaxFile):
		f.skip = lode.FieldError(lode.CodeTooLarge, "max_file", c.MaxFile, "%s is larger than --max-file", formatBytes(size))
	case size == 0 && !c.single():
		f.skip = lode.Errorf(lode.CodeInvalid, "the file is empty")
	}
	return f
}

// unreadable is an error of the file system without its path, which the id says already.
func unreadable(err error) *lode.Error {
	var about *fs.PathError
	if errors.As(err, &about) {
		err = about.Err
	}
	return lode.Errorf(lode.CodeInvalid, "cannot be read: %s", err)
}

func (c *ingestCommand) leftOut(id string, entry fs.DirEntry) bool {
	return !c.Hidden && strings.HasPrefix(entry.Name(), ".") || matchesAny(c.Exclude, id)
}

func (c *ingestCommand) wanted(id string) bool {
	return len(c.Include) == 0 || matchesAny(c.Include, id)
}

// matchesAny tests patterns against the end of an id: '*.md' against the name, 'drafts/*'
// against folder and name, wherever that folder is. '**' stands for any number of folders.
func matchesAny(patterns []string, id string) bool {
	parts := strings.Split(id, "/")
	for _, pattern := range patterns {
		steps := strings.Split(strings.Trim(strings.TrimPrefix(pattern, "./"), "/"), "/")
		for from := range parts {
			if matchesAll(steps, parts[from:]) {
				return true
			}
		}
	}
	return false
}

func matchesAll(steps, parts []string) bool {
	switch {
	case len(steps) == 0:
		return len(parts) == 0
	case steps[0] == "**":
		return matchesAll(steps[1:], parts) || len(parts) > 0 && matchesAll(steps, parts[1:])
	case len(parts) == 0:
		return false
	}
	ok, err := path.Match(steps[0], parts[0])
	return err == nil && ok && matchesAll(steps[1:], parts[1:])
}
