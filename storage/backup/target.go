package backup

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// Target is where a repository lies: files with names of the form a/b/c, written whole and
// never changed. Its methods may be called at the same time. Errors carry no credentials.
type Target interface {
	// Put stores a file of exactly size bytes, which write produces. It appears whole and
	// durable or, after an error of write or of the target, not at all; a file of that name
	// is replaced.
	Put(ctx context.Context, name string, size int64, write func(io.Writer) error) error
	// Open reads a file. One that is not there is [lode.CodeNotFound]. The caller closes.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List calls fn for every file below a folder, in no particular order.
	List(ctx context.Context, folder string, fn func(File) error) error
	// Remove removes a file; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// String names the target for people, without credentials.
	String() string
}

// File is a file of a target.
type File struct {
	Name     string
	Bytes    int64
	Modified time.Time // by the clock of the target
}

// Credentials open an S3-compatible bucket. They are never logged and never stored.
type Credentials struct {
	AccessKey, SecretKey string
	SessionToken         string // of temporary credentials; may be empty
}

// Locate returns the target that a location names: a folder as a path or a file:// URL, or a
// bucket as
//
//	s3://bucket/prefix?endpoint=https://host:9000&region=us-east-1&path_style=true
//
// All query parameters may be left out: then it is AWS. Nothing is read or written yet.
// Credentials in the location itself are refused, as locations are logged.
func Locate(location string, c Credentials) (Target, error) {
	scheme, _, found := strings.Cut(location, "://")
	if !found {
		return locateFolder(location)
	}
	u, err := url.Parse(location)
	if err != nil || u.User != nil {
		return nil, lode.FieldError(lode.CodeInvalid, "backup_to", scheme+"://…", "the location must be a URL without user and password").
			WithHint("credentials come from the environment or a file")
	}
	switch scheme {
	case "file":
		if u.Host != "" || u.RawQuery != "" {
			return nil, lode.Invalid("backup_to", location, "a file URL looks like file:///var/backups/lode")
		}
		return locateFolder(u.Path)
	case "s3":
		return newBucket(u, c)
	}
	return nil, lode.Invalid("backup_to", location, "a repository is a folder or an s3:// URL")
}

func locateFolder(path string) (Target, error) {
	if path == "" {
		return nil, lode.Invalid("backup_to", path, "name a folder or an s3:// URL")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, lode.Invalid("backup_to", path, "not a path: %v", err)
	}
	return NewFolder(absolute, nil), nil
}
