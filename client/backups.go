package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lodedb/lode/api/v1"
)

// CreateBackup makes a backup of the node in its repository and returns when it is complete.
// full writes every object again, also those that the repository has.
func (c *Client) CreateBackup(ctx context.Context, full bool) (*v1.Backup, error) {
	k := call{method: http.MethodPost, path: v1.PathBackups}
	if full {
		k.query = url.Values{v1.QueryFull: {"true"}}
	}
	return exchange[v1.Backup](ctx, c, k)
}

// ListBackups lists the backups in the repository of the node, newest first.
func (c *Client) ListBackups(ctx context.Context) (*v1.BackupList, error) {
	return get[v1.BackupList](ctx, c, call{path: v1.PathBackups})
}
