package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/vfs"
)

// Store is a folder of models by name.
type Store struct {
	Dir string
}

// Info describes a model of a [Store]. It is kept beside its files, in MODEL.json.
type Info struct {
	Name     string          `json:"name"`
	Source   string          `json:"source"`             // where it came from
	Revision string          `json:"revision,omitempty"` // of the source
	Kind     string          `json:"kind"`               // of the vocabulary: WordPiece, Unigram, BPE or Words
	Dim      int             `json:"dim"`
	Rows     int             `json:"rows"`
	AddedAt  time.Time       `json:"added_at"`
	Files    map[string]File `json:"files"`

	// Made is how the model was made, where Lode made it: an object of what made it.
	Made json.RawMessage `json:"made,omitempty"`
}

// File is the size and hash of a file of a model.
type File struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// infoFile is the name of the manifest.
const infoFile = "MODEL.json"

// Digest is the short hash of all files that the fingerprint has.
func (i *Info) Digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(i.Files)) {
		fmt.Fprintf(h, "%s %s\n", name, i.Files[name].SHA256)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Bytes is the size of all files.
func (i *Info) Bytes() (n int64) {
	for _, f := range i.Files {
		n += f.Bytes
	}
	return n
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// ValidateName checks the name of a model.
func ValidateName(name string) error {
	if !nameForm.MatchString(name) {
		return lode.Invalid("model", name, "a model is named with 1 to 128 letters, digits, dots, _ and -, and begins with a letter or digit")
	}
	return nil
}

// List returns the models in order of name. A folder without a manifest is no model.
func (s Store) List() ([]Info, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var all []Info
	for _, entry := range entries {
		if !entry.IsDir() || !nameForm.MatchString(entry.Name()) {
			continue
		}
		info, err := s.Get(entry.Name())
		if lode.IsCode(err, lode.CodeNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return all, nil
}

// Get returns what the manifest of a model says.
func (s Store) Get(name string) (info Info, err error) {
	if err := ValidateName(name); err != nil {
		return info, err
	}
	b, err := vfs.ReadFile(vfs.OS, filepath.Join(s.Dir, name, infoFile), 1<<20)
	switch {
	case os.IsNotExist(err):
		return info, lode.NotFound("model", name).WithHint("lode models list shows those that there are; lode models pull and add get more")
	case err != nil:
		return info, fmt.Errorf("open model %s: %w", name, err)
	}
	if json.Unmarshal(b, &info) != nil || info.Name != name {
		return info, lode.FieldError(lode.CodeCorrupt, "model", name, "the manifest of the model is not one")
	}
	return info, nil
}

// Open returns a model for embedding. Its files have the sizes of the manifest; their hashes
// are checked by [Store.Verify].
func (s Store) Open(name string) (Model, error) {
	info, err := s.Get(name)
	if err != nil {
		return nil, err
	}
	for _, file := range slices.Sorted(maps.Keys(info.Files)) {
		stat, err := os.Stat(filepath.Join(s.Dir, name, file))
		if err != nil || stat.Size() != info.Files[file].Bytes {
			return nil, lode.FieldError(lode.CodeCorrupt, "model", name, "the file %s of the model is missing or has another size", lode.CutValue(file))
		}
	}
	return Load(filepath.Join(s.Dir, name), name, info.Digest())
}

// Verify compares the files of a model with the hashes of its manifest.
func (s Store) Verify(name string) error {
	info, err := s.Get(name)
	if err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(info.Files)) {
		got, err := hashFile(filepath.Join(s.Dir, name, file), io.Discard)
		if err != nil {
			return err
		}
		if got != info.Files[file] {
			return lode.FieldError(lode.CodeCorrupt, "model", name, "the file %s of the model is not what was added", lode.CutValue(file))
		}
	}
	return nil
}

// Add copies the model in a folder into the store, after it has embedded a text with it. A
// model of the same name with the same files is left as it is; with others it is a conflict,
// since collections may have been made with it.
func (s Store) Add(ctx context.Context, from string, info Info) (Info, error) {
	if err := ValidateName(info.Name); err != nil {
		return info, err
	}
	if err := os.MkdirAll(s.Dir, vfs.DirPerm); err != nil {
		return info, fmt.Errorf("add model %s: %w", info.Name, err)
	}
	temp, err := os.MkdirTemp(s.Dir, ".adding-")
	if err != nil {
		return info, fmt.Errorf("add model %s: %w", info.Name, err)
	}
	defer os.RemoveAll(temp) // what is left of it
	if err := s.prepare(ctx, from, temp, &info); err != nil {
		return info, err
	}
	known, err := s.Get(info.Name)
	switch {
	case err == nil && maps.Equal(known.Files, info.Files):
		return known, nil
	case err == nil || !lode.IsCode(err, lode.CodeNotFound):
		return info, lode.FieldError(lode.CodeConflict, "model", info.Name, "there is another model of this name").WithHint("give it another name with --name")
	}
	if err := os.Rename(temp, filepath.Join(s.Dir, info.Name)); err != nil {
		return info, fmt.Errorf("add model %s: %w", info.Name, err)
	}
	return info, vfs.OS.SyncDir(s.Dir)
}

// prepare copies the files, tries the model and writes the manifest.
func (s Store) prepare(ctx context.Context, from, to string, info *Info) error {
	info.Files = map[string]File{}
	names := slices.Concat(Files(), OptionalFiles())
	if exists(filepath.Join(from, TableFile)) {
		names = []string{TableFile}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		file, err := copyFile(filepath.Join(from, filepath.FromSlash(name)), filepath.Join(to, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) && slices.Contains(OptionalFiles(), name) {
			continue
		}
		if err != nil {
			return unreadable(name, err)
		}
		info.Files[name] = file
	}
	m, err := Load(to, info.Name, info.Digest())
	if err != nil {
		return err
	}
	if _, err := m.Embed(ctx, embed.Document, []string{"", "a text to try the model with"}); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	info.Dim, info.Rows, info.Kind = m.Dim(), m.Rows(), m.Kind()
	return vfs.WriteFile(vfs.OS, filepath.Join(to, infoFile), func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(info)
	})
}

// copyFile copies a file durably and returns its size and hash.
func copyFile(from, to string) (f File, err error) {
	if _, err := os.Stat(from); err != nil {
		return f, err
	}
	if err := os.MkdirAll(filepath.Dir(to), vfs.DirPerm); err != nil {
		return f, err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, vfs.FilePerm)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if f, err = hashFile(from, out); err != nil {
		return f, err
	}
	return f, out.Sync()
}

// hashFile reads a file into w and returns its size and hash.
func hashFile(path string, w io.Writer) (f File, err error) {
	in, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer in.Close()
	h := sha256.New()
	if f.Bytes, err = io.Copy(io.MultiWriter(h, w), in); err != nil {
		return f, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	return f, nil
}
