package server

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/storage/backup"
)

// DefaultBackupKeep is how many backups stay.
const DefaultBackupKeep = 7

const (
	// backupPoll is how often the schedule looks at the clock, at most.
	backupPoll = time.Minute
	// backupRetry is the pause after a scheduled backup that failed, at most.
	backupRetry = 10 * time.Minute
)

// BackupConfig says where backups go and when they are made. Without To there are none.
type BackupConfig struct {
	To          string             // folder or s3:// URL of the repository; see [backup.Locate]
	Every       time.Duration      // between scheduled backups; 0: only when asked for
	Keep        int                // older backups are removed after each new one
	Credentials backup.Credentials // of a bucket; never logged
}

func (c *BackupConfig) validate() error {
	switch {
	case c.Every < 0 || c.Every > 0 && c.Every < time.Second:
		return lode.Invalid("backup_every", c.Every, "backup_every must be 0 or at least a second")
	case c.Every > 0 && c.To == "":
		return lode.Invalid("backup_every", c.Every, "backup_every needs backup_to")
	case c.Keep < 1:
		return lode.Invalid("backup_keep", c.Keep, "at least one backup must be kept")
	case c.To == "":
		return nil
	}
	_, err := backup.Locate(c.To, c.Credentials)
	return err
}

// backups makes the backups of a node, one at a time.
type backups struct {
	s       *Server
	repo    *backup.Repository // nil without a location
	running sync.Mutex

	outcomes *prometheus.CounterVec
	uploaded prometheus.Counter
	success  prometheus.Gauge
	seconds  prometheus.Gauge
}

var _ api.Backups = (*backups)(nil)

func newBackups(s *Server) (*backups, error) {
	b := &backups{s: s}
	if s.cfg.Backup.To == "" {
		return b, nil
	}
	target, err := backup.Locate(s.cfg.Backup.To, s.cfg.Backup.Credentials)
	if err != nil {
		return nil, err
	}
	if err := refuseOwnFolder(target, s.cfg.DataDir); err != nil {
		return nil, err
	}
	// Searches come first: half of the CPUs at most read, hash and write objects.
	workers := min(max(1, runtime.GOMAXPROCS(0)/2), backup.DefaultWorkers)
	if b.repo, err = backup.New(target, backup.Options{Logger: s.cfg.Logger, Clock: s.cfg.Clock, Workers: workers, Gentle: true}); err != nil {
		return nil, err
	}
	b.measure()
	return b, nil
}

// refuseOwnFolder keeps backups out of the folder whose loss they are for.
func refuseOwnFolder(target backup.Target, dataDir string) error {
	folder, ok := target.(*backup.Folder)
	if !ok {
		return nil
	}
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return err
	}
	if below, err := filepath.Rel(dataDir, folder.Dir()); err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		return lode.Invalid("backup_to", folder.Dir(), "backups cannot lie in the data folder")
	}
	return nil
}

func (b *backups) measure() {
	b.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lode_backups_total", Help: "Backups that were begun, by how they ended."}, []string{"end"})
	b.uploaded = prometheus.NewCounter(prometheus.CounterOpts{Name: "lode_backup_uploaded_bytes_total", Help: "Content written to the repository."})
	b.success = prometheus.NewGauge(prometheus.GaugeOpts{Name: "lode_backup_last_success_timestamp_seconds", Help: "When the newest backup was made; 0 while none is known."})
	b.seconds = prometheus.NewGauge(prometheus.GaugeOpts{Name: "lode_backup_last_seconds", Help: "How long the newest backup of this node took."})
	b.s.metrics.registry.MustRegister(b.outcomes, b.uploaded, b.success, b.seconds)
}

// CreateBackup makes a backup now.
func (b *backups) CreateBackup(ctx context.Context, p lode.Principal, full bool) (api.Backup, error) {
	if err := b.admit(p); err != nil {
		return api.Backup{}, err
	}
	made, err := b.make(ctx, full)
	return describe(made), err
}

// ListBackups lists the repository.
func (b *backups) ListBackups(ctx context.Context, p lode.Principal) ([]api.Backup, error) {
	if err := b.admit(p); err != nil {
		return nil, err
	}
	all, err := b.repo.List(ctx)
	listed := make([]api.Backup, len(all))
	for i, one := range all {
		listed[i] = describe(one)
	}
	return listed, err
}

// admit lets those in who may see everything: that is what a backup holds.
func (b *backups) admit(p lode.Principal) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if !p.SeesAll() {
		return lode.Errorf(lode.CodeUnauthorized, "a backup is of everything, which the caller may not see")
	}
	if b.repo == nil {
		return lode.NotFound("backup repository", "of this node").WithHint("start the node with --backup-to")
	}
	return nil
}

func describe(b backup.Backup) api.Backup {
	return api.Backup{
		ID: b.ID, Cluster: b.Cluster, NodeID: b.Node, Index: b.Index, Term: b.Term, CatalogHash: b.CatalogHash, CreatedAt: b.CreatedAt,
		Version: b.Product, Objects: b.Objects, Bytes: b.Bytes, Uploaded: b.Uploaded, UploadedBytes: b.UploadedBytes, Damaged: b.Damaged,
	}
}

// make makes one backup on the leader, of everything that was acknowledged before.
func (b *backups) make(ctx context.Context, full bool) (backup.Backup, error) {
	if !b.running.TryLock() {
		return backup.Backup{}, lode.Errorf(lode.CodeConflict, "a backup of this node is being made")
	}
	defer b.running.Unlock()
	if err := b.s.raft.ReadBarrier(ctx, raft.Linearizable); err != nil {
		return backup.Backup{}, err
	}
	start := time.Now()
	made, err := b.repo.Create(ctx, b.s.store, backup.CreateOptions{Product: b.s.cfg.Version, Keep: b.s.cfg.Backup.Keep, Full: full})
	if err != nil {
		b.outcomes.WithLabelValues("failed").Inc()
		return made, err
	}
	b.outcomes.WithLabelValues("made").Inc()
	b.uploaded.Add(float64(made.UploadedBytes))
	b.success.Set(float64(made.CreatedAt.UnixMilli()) / 1000)
	b.seconds.Set(time.Since(start).Seconds())
	return made, nil
}

// schedule makes a backup whenever the newest one in the repository is old enough, while
// this node leads. A new leader goes on from what the last one left.
func (b *backups) schedule(ctx context.Context) {
	every := b.s.cfg.Backup.Every
	if b.repo == nil || every == 0 {
		return
	}
	pause := min(backupPoll, every/10)
	var due time.Time // zero: look into the repository
	for {
		wait := pause
		switch {
		case !b.s.leading.Load():
			due = time.Time{}
		case b.s.cfg.Clock().Before(due):
		default:
			newest, err := b.makeDue(ctx, every)
			if err != nil && ctx.Err() == nil {
				b.s.cfg.Logger.Error("scheduled backup failed", "repository", b.repo.String(), "error", err)
				wait = min(backupRetry, every)
			}
			due = newest.Add(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// makeDue makes a backup if it is time, and returns when the newest one was made.
func (b *backups) makeDue(ctx context.Context, every time.Duration) (newest time.Time, err error) {
	if newest, err = b.repo.Newest(ctx); err != nil {
		b.outcomes.WithLabelValues("failed").Inc()
		return time.Time{}, err
	}
	if !newest.IsZero() {
		b.success.Set(float64(newest.UnixMilli()) / 1000)
	}
	if b.s.cfg.Clock().Before(newest.Add(every)) {
		return newest, nil
	}
	made, err := b.make(ctx, false)
	if err != nil {
		return time.Time{}, err
	}
	return made.CreatedAt, nil
}
