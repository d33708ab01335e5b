package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/safetensors"
	"github.com/lodedb/lode/embed/tokenizer"
	"github.com/lodedb/lode/internal/vfs"
)

// The files of a model.
const (
	weightsFile   = "model.safetensors"
	tokenizerFile = "tokenizer.json"
	configFile    = "config.json"
)

// Files are the names of the files that every model of a hub has.
func Files() []string { return []string{weightsFile, tokenizerFile, configFile} }

// OptionalFiles are those that say how BERT-like models make one vector of many, where they do
// not take the mean.
func OptionalFiles() []string { return []string{modulesFile, poolingFile, limitFile, promptsFile} }

// Model is a model in files.
type Model interface {
	embed.Embedder
	Rows() int    // of its table
	Kind() string // of its vocabulary, after BERT where it is one
	// check looks at every number of the table once.
	check() error
}

// Load opens the model in a folder. Its fingerprint is that of the name and a hash of the
// files, which Load does not compute: see [Store.Open].
func Load(dir, name, digest string) (Model, error) {
	if path := filepath.Join(dir, TableFile); exists(path) {
		return asModel(loadTable(path, name, digest))
	}
	b, err := readFile(filepath.Join(dir, configFile), 1<<20)
	if err != nil {
		return nil, err
	}
	var config bertFile
	if json.Unmarshal(b, &config) != nil {
		return nil, lode.FieldError(lode.CodeMalformed, configFile, "", "config.json is no JSON of a model")
	}
	if b, err = readFile(filepath.Join(dir, tokenizerFile), tokenizer.MaxFileBytes); err != nil {
		return nil, err
	}
	words, err := tokenizer.Parse(b)
	if err != nil {
		return nil, err
	}
	file, err := safetensors.Open(vfs.OS, filepath.Join(dir, weightsFile))
	if err != nil {
		return nil, unreadable(weightsFile, err)
	}
	if config.Type != "bert" {
		return asModel(loadStatic(name, digest, words, file, config.Normalize))
	}
	settings, err := config.encoder(dir)
	if err != nil {
		return nil, err
	}
	return asModel(loadEncoder(name, digest, words, file, settings))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// asModel keeps a nil model from becoming one that is not nil.
func asModel[M Model](m M, err error) (Model, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

func readFile(path string, most int64) ([]byte, error) {
	b, err := vfs.ReadFile(vfs.OS, path, most)
	if err != nil {
		return nil, unreadable(filepath.Base(path), err)
	}
	return b, nil
}

// unreadable gives an error of a file its code, unless it has one.
func unreadable(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lode.NotFound("file", name).WithHint("a model has the files model.safetensors, tokenizer.json and config.json, or model.table")
	case lode.CodeOf(err) != lode.CodeInternal:
		return err
	}
	return fmt.Errorf("open model: %w", err)
}
