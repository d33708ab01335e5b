package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// backupTimeout bounds the making of a backup.
const backupTimeout = 24 * time.Hour

// Backups makes and lists backups in the repository that the node is configured with.
// Without one both are [lode.CodeNotFound]. A backup is of everything: other principals than
// those who see all are refused.
type Backups interface {
	// CreateBackup returns when the backup is complete. full writes every object again. While
	// another backup is being made it is [lode.CodeConflict].
	CreateBackup(ctx context.Context, p lode.Principal, full bool) (Backup, error)
	// ListBackups returns all backups, newest first.
	ListBackups(ctx context.Context, p lode.Principal) ([]Backup, error)
}

// Backup is one backup.
type Backup = v1.Backup

var fullParam = param{name: v1.QueryFull, kind: "boolean", missing: false, about: "Write every object again, also those that the repository has: heals damage that verify found."}

func (s *service) backupRoutes() []route {
	return []route{
		{method: http.MethodPost, path: v1.PathBackups, id: "createBackup", tag: "node", timeout: backupTimeout,
			summary: "Make a backup of the node in its repository", about: "The backup is of one log entry; writes go on meanwhile. Only what the repository does not have is written.",
			handle: s.createBackup, query: []param{fullParam},
			replies: []reply{{status: http.StatusCreated, body: v1.Backup{}, about: "The backup is complete."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict}},
		{method: http.MethodGet, path: v1.PathBackups, id: "listBackups", tag: "node",
			summary: "List the backups in the repository of the node", handle: s.listBackups,
			replies: []reply{{status: http.StatusOK, body: v1.BackupList{}, about: "All backups."}},
			codes:   []lode.Code{lode.CodeNotFound}},
	}
}

func (s *service) createBackup(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	full, err := queryBool(r, v1.QueryFull, false)
	if err != nil {
		return err
	}
	if err := s.haveBackups(); err != nil {
		return err
	}
	made, err := s.Backend.Backups.CreateBackup(r.Context(), p, full)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, made)
}

func (s *service) listBackups(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	if err := s.haveBackups(); err != nil {
		return err
	}
	all, err := s.Backend.Backups.ListBackups(r.Context(), p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v1.BackupList{Backups: append([]v1.Backup{}, all...)})
}

func (s *service) haveBackups() error {
	if s.Backend.Backups == nil {
		return lode.NotFound("backup repository", "of this node")
	}
	return nil
}
