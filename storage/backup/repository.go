package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// Defaults of [Options].
const (
	DefaultWorkers    = 4
	DefaultChunkBytes = 256 << 10
	DefaultGrace      = 24 * time.Hour
	DefaultLockTTL    = 30 * time.Minute
)

// Options are the settings of a [Repository]. The zero value is good.
type Options struct {
	// Logger hears what was made, removed and found damaged. The default is silence.
	Logger *slog.Logger
	// Clock gives the time of backups and locks. The default is time.Now.
	Clock func() time.Time
	// Workers is how many objects are read or written at once. The default is DefaultWorkers.
	Workers int
	// Gentle makes a worker of Create rest after each object for as long as it took, for
	// nodes that serve meanwhile.
	Gentle bool
	// ChunkBytes is the size of the pieces into which the catalogue is cut. The default is
	// DefaultChunkBytes.
	ChunkBytes int
	// Grace is how old an object without a manifest must be to be removed. The default is
	// DefaultGrace.
	Grace time.Duration
	// LockTTL is how long the lock of a process that has died keeps others away; its own
	// node is not kept away. The default is DefaultLockTTL.
	LockTTL time.Duration
}

func (o *Options) ensureDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	setDefault(&o.Workers, DefaultWorkers)
	setDefault(&o.ChunkBytes, DefaultChunkBytes)
	setDefault(&o.Grace, DefaultGrace)
	setDefault(&o.LockTTL, DefaultLockTTL)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) validate() error {
	switch {
	case o.Workers < 1 || o.Workers > 256:
		return lode.Invalid("workers", o.Workers, "workers must be 1 to 256")
	case o.ChunkBytes < minChunkBytes || o.ChunkBytes > maxChunkBytes:
		return lode.Invalid("chunk_bytes", o.ChunkBytes, "pieces must have %d to %d bytes", minChunkBytes, maxChunkBytes)
	case o.Grace < 0 || o.LockTTL < time.Second:
		return lode.Invalid("grace", o.Grace, "grace must not be negative, and locks must last a second")
	}
	return nil
}

// Repository keeps the backups of one cluster in a target.
//
//	Target 1-1 Repository 1-n Backup n-m object
//
// Its methods may be called at the same time and by several processes; those that write
// exclude each other by a lock in the target.
type Repository struct {
	target Target
	Options
}

// New returns the repository in a target. Nothing is read or written yet; a target that is
// empty becomes a repository with its first backup.
func New(target Target, o Options) (*Repository, error) {
	o.ensureDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Repository{target: target, Options: o}, nil
}

// String names the place of the repository, without credentials.
func (r *Repository) String() string { return r.target.String() }

// Names in a target.
const (
	headerName    = "REPOSITORY"
	backupsFolder = "backups"
	locksFolder   = "locks"
)

// readFile returns a small file as a whole.
func (r *Repository) readFile(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	file, err := r.target.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(content)) > maxBytes {
		return nil, lode.Errorf(lode.CodeCorrupt, "%s is longer than the %d bytes that it may have", name, maxBytes)
	}
	return content, nil
}

func (r *Repository) writeFile(ctx context.Context, name string, content []byte) error {
	return r.target.Put(ctx, name, int64(len(content)), func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(content))
		return err
	})
}

// cluster returns to which cluster the repository belongs, "" when there is none yet.
func (r *Repository) cluster(ctx context.Context) (string, error) {
	sealed, err := r.readFile(ctx, headerName, maxRecordBytes)
	if lode.IsCode(err, lode.CodeNotFound) {
		return "", r.refuseHeadless(ctx)
	}
	if err != nil {
		return "", err
	}
	var header repositoryRecord
	if err := decode(kindRepository, sealed, &header); err != nil {
		return "", fmt.Errorf("%s: %w", headerName, err)
	}
	if header.Version != formatVersion {
		return "", errVersion("repository", header.Version)
	}
	return header.Cluster, nil
}

// refuseHeadless tells an empty target from a repository that has lost its header.
func (r *Repository) refuseHeadless(ctx context.Context) error {
	names, err := r.names(ctx)
	if err == nil && len(names) > 0 {
		err = lode.Errorf(lode.CodeCorrupt, "%s is missing beside %d backups", headerName, len(names))
	}
	return err
}

// claim sees that the repository is that of the cluster, and makes it so when it is new.
func (r *Repository) claim(ctx context.Context, cluster string) error {
	owner, err := r.cluster(ctx)
	switch {
	case err != nil:
		return err
	case owner == cluster:
		return nil
	case owner != "":
		return lode.FieldError(lode.CodeConflict, "backup_to", r.String(), "the repository belongs to cluster %s, this node to %s", owner, cluster).
			WithHint("give each cluster a repository of its own")
	}
	header, err := encode(kindRepository, &repositoryRecord{Version: formatVersion, Cluster: cluster, Created: r.now()}, maxRecordBytes)
	if err != nil {
		return err
	}
	return r.writeFile(ctx, headerName, header)
}

// now is the clock's time in the form that manifests carry.
func (r *Repository) now() time.Time { return r.Clock().UTC().Truncate(time.Millisecond) }

// names returns the ids of all backups, oldest first.
func (r *Repository) names(ctx context.Context) ([]string, error) {
	var names []string
	err := r.target.List(ctx, backupsFolder, func(f File) error {
		if id := strings.TrimPrefix(f.Name, backupsFolder+"/"); idForm.MatchString(id) {
			names = append(names, id)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// Newest returns when the newest backup was made, whether it is whole or not; the zero time
// when there is none.
func (r *Repository) Newest(ctx context.Context) (time.Time, error) {
	names, err := r.names(ctx)
	if err != nil || len(names) == 0 {
		return time.Time{}, err
	}
	newest, _, _ := strings.Cut(names[len(names)-1], "-")
	return time.Parse(idTime, newest)
}

// List describes all backups, newest first. Objects are not looked at; see [Repository.Verify].
func (r *Repository) List(ctx context.Context) ([]Backup, error) {
	owner, err := r.cluster(ctx)
	if err != nil {
		return nil, fmt.Errorf("list backups in %s: %w", r, err)
	}
	names, err := r.names(ctx)
	if err != nil {
		return nil, fmt.Errorf("list backups in %s: %w", r, err)
	}
	slices.Reverse(names)
	backups := make([]Backup, 0, len(names))
	for _, id := range names {
		m, err := r.load(ctx, owner, id)
		switch {
		case err == nil:
			backups = append(backups, m.describe(id))
		case lode.IsCode(err, lode.CodeCorrupt):
			backups = append(backups, Backup{ID: id, Damaged: err.Error()})
		case !lode.IsCode(err, lode.CodeNotFound): // removed meanwhile
			return nil, err
		}
	}
	return backups, nil
}

// load reads the manifest of a backup. owner is the cluster of the repository.
func (r *Repository) load(ctx context.Context, owner, id string) (*manifest, error) {
	sealed, err := r.readFile(ctx, backupsFolder+"/"+id, maxManifestBytes)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(id, sealed)
	if err == nil && m.Cluster != owner {
		err = lode.Errorf(lode.CodeCorrupt, "it is of cluster %s in a repository of cluster %s", m.Cluster, owner)
	}
	if err != nil {
		return nil, fmt.Errorf("backup %s: %w", id, err)
	}
	return m, nil
}

// find reads the manifest of a backup by its id, that of the newest when id is empty.
func (r *Repository) find(ctx context.Context, id string) (string, *manifest, error) {
	owner, err := r.cluster(ctx)
	if err != nil {
		return "", nil, err
	}
	if id == "" {
		names, err := r.names(ctx)
		if err != nil {
			return "", nil, err
		}
		if len(names) == 0 {
			return "", nil, lode.NotFound("backup", "newest").WithHint("there is no backup in " + r.String())
		}
		id = names[len(names)-1]
	}
	if !idForm.MatchString(id) {
		return "", nil, lode.Invalid("backup", id, "not the id of a backup").WithHint("lode backup list shows them")
	}
	m, err := r.load(ctx, owner, id)
	return id, m, err
}
